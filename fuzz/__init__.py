"""Fuzzers: `python -m fuzz` runs all of them, `python -m fuzz.midi` and its like one."""

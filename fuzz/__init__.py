"""Fuzzers: `python -m fuzz.midi`."""

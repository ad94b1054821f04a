"""Benchmarks: `python -m bench.ingest`."""

"""Constraints on generated loops: parsing, combining, solving, and masking while decoding."""

"""Grids: how a bar of 4/4 may be divided."""

from typing import Final

STEPS_PER_BAR: Final = (16, 24, 32, 48, 96)
"""Grids that a 4/4 bar may be divided into."""

BEATS_A_BAR: Final = 4

MAX_BARS: Final = 10_000
"""Longest loop in a table; longer ones are no loops, and take room out of proportion."""

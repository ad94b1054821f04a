"""Upper bounds on the hits that two rows share, from counts, for blocks of pairs at once.

Two rows within a Jaccard distance d, of a and b hits, share at least (1 - d) / (2 - d) * (a + b):
with s shared, (a + b - 2 s) / (a + b - s) <= d. They share at most the sum over cells of the
smaller count, whatever each cell aggregates. In a unary code the smaller of two numbers is a
product of bits, so one matrix product bounds every pair of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MAX_LEVELS: Final = 16
_ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Limit:
    """Lower bound on shared hits: `slope` times the hits of both, plus `offset`."""

    slope: float
    offset: float = 0.0

    @classmethod
    def of_distance(cls, max_distance: float) -> Limit:
        """Limit for rows within a Jaccard distance, allowing for single-precision rounding."""
        within = min(1.0, max_distance + 1e-6)
        return cls((1 - within) / (2 - within))

    @classmethod
    def of_changes(cls, max_changed: int) -> Limit:
        """Limit for rows that differ in at most k cells: (a + b - 2 s) <= k."""
        return cls(0.5, -max_changed / 2)

    def fewest(self, n_hits: float) -> float:
        """Fewest hits of a row near one of `n_hits`, which then shares all of them."""
        return (self.slope * n_hits + self.offset) / (1 - self.slope) - _ROUNDING * (1 + n_hits)

    def most(self, n_hits: float) -> float:
        """Most hits of a row near one of `n_hits`, which then shares all of its own."""
        if not self.slope:
            return np.inf
        return ((1 - self.slope) * n_hits - self.offset) / self.slope + _ROUNDING * (1 + n_hits)

    def changes(self, n_hits: float, most: float) -> float:
        """Maximum differing cells of a row of `n_hits` and one of at most `most` hits."""
        return (1 - 2 * self.slope) * (n_hits + most) - 2 * self.offset + 0.01

    def lean(self, n_hits: NDArray[np.integer]) -> NDArray[np.float32]:
        """Contribution of a row of `n_hits` to the bound on shared hits, minus rounding."""
        lean = self.slope * (1 - _ROUNDING) * n_hits + self.offset / 2 - 0.005
        return lean.astype(np.float32)


def encode(
    ours: NDArray[np.integer], theirs: NDArray[np.integer], limit: Limit
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Codes whose product is at least 0 for all pairs of rows that can be within the limit.

    Args:
        ours: `(n, n_cells)` counts; their sums are the rows' hits.
        theirs: `(m, n_cells)` counts.
        limit: Limit of the search.

    Returns:
        `(n, n_codes)` and `(n_codes, m)`.
    """
    if limit == Limit(0):  # any pair is within it
        return np.zeros((len(ours), 0), np.float32), np.zeros((0, len(theirs)), np.float32)
    # Counts above the smaller of the two maxima are the smaller count of no pair.
    highest = np.minimum(ours.max(axis=0, initial=0), theirs.max(axis=0, initial=0))
    # High counts are encoded in coarse steps, rounded up.
    width = np.maximum(1, -(-highest // _MAX_LEVELS))
    levels = [
        (cell, at, width[cell])
        for cell in np.flatnonzero(highest)
        for at in range(0, highest[cell], width[cell])
    ]
    cells, floors, widths = np.array(levels, np.int64).reshape(-1, 3).T
    one = np.empty((len(ours), len(cells) + 2), np.float32)
    other = np.empty((len(cells) + 2, len(theirs)), np.float32)
    one[:, :-2] = (ours[:, cells] > floors) * widths
    one[:, -2], one[:, -1] = 1, -limit.lean(ours.sum(axis=1))
    other[:-2] = (theirs[:, cells] > floors).T
    other[-2], other[-1] = -limit.lean(theirs.sum(axis=1)), 1
    return one, other

"""Reference implementation of the distance between two loops.

`find_pairs` computes the same faster, and is tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, ParameterError
from trapgen.similarity.transform import Transform, lay_over


@dataclass(frozen=True, eq=False)
class Distance:
    """Hits that two loops have in common, by voice.

    Attributes:
        shared: `(9,)` int, hits of each voice in both.
        changed: `(9,)` int, hits of each voice in exactly one: the Hamming distance of the onsets
            (Hamming 1950).
    """

    shared: NDArray[np.int64]
    changed: NDArray[np.int64]

    @property
    def n_changed(self) -> int:
        """The Hamming distance over all voices."""
        return int(self.changed.sum())

    @property
    def jaccard(self) -> float:
        """Jaccard distance (Jaccard 1912): changed hits over hits of either; 0 for two silences."""
        union = self.shared.sum() + self.changed.sum()
        return float(self.changed.sum() / union) if union else 0.0


def compare(
    left: DrumLoop,
    right: DrumLoop,
    transform: Transform = Transform(),  # noqa: B008 (frozen)
    tolerance_steps: int = 0,
) -> Distance:
    """Align the right loop with the left one by a transform, and count shared hits.

    Args:
        left: A loop.
        right: Another on the same grid.
        transform: Maps the right loop onto the left one.
        tolerance_steps: A hit matches one of its voice at most this many steps away, one to one.
            Matches do not wrap around the loop's end.

    Raises:
        ParameterError: The grids differ, the window is outside, or the tolerance is below 0.
    """
    ours, theirs = lay_over(left, right, transform)
    return compare_onsets(ours.onsets, theirs.onsets, tolerance_steps)


def compare_onsets(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_], tolerance_steps: int = 0
) -> Distance:
    """Count the hits that two `(n_steps, 9)` arrays of onsets share, without a transform.

    Raises:
        ParameterError: `tolerance_steps` is below 0.
    """
    if tolerance_steps < 0:
        raise ParameterError("tolerance_steps", "at least 0", tolerance_steps)
    if tolerance_steps:
        met = [
            _count_met(np.flatnonzero(one), np.flatnonzero(other), tolerance_steps)
            for one, other in zip(ours.T, theirs.T, strict=True)
        ]
        shared = np.array(met, np.int64)
    else:
        shared = (ours & theirs).sum(axis=0)
    return Distance(shared, ours.sum(axis=0) + theirs.sum(axis=0) - 2 * shared)


def _count_met(ours: NDArray[np.intp], theirs: NDArray[np.intp], tolerance: int) -> int:
    """Size of the largest one-to-one matching of ascending times at most `tolerance` apart.

    Greedy matching in ascending order is optimal: matchable times form intervals of one length (a
    proper interval bigraph), where any largest matching can be uncrossed without loss (Glover
    1967, "Maximum matching in a convex bipartite graph").
    """
    met = at = 0
    for time in ours:
        while at < len(theirs) and theirs[at] < time - tolerance:
            at += 1
        if at < len(theirs) and theirs[at] <= time + tolerance:
            met, at = met + 1, at + 1
    return met

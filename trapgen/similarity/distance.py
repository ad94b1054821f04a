"""What the distance between two loops is, written plainly.

`find_pairs` finds the same by faster means, and is tested against this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, ParameterError
from trapgen.similarity.transform import Transform, lay_over


@dataclass(frozen=True, eq=False)
class Distance:
    """What two loops have in common, voice by voice.

    Attributes:
        shared: `(9,)` int, hits of each voice that both have.
        changed: `(9,)` int, hits of each voice that one has and the other has not: the Hamming
            distance of the onsets (Hamming 1950).
    """

    shared: NDArray[np.int64]
    changed: NDArray[np.int64]

    @property
    def n_changed(self) -> int:
        """The Hamming distance over all voices."""
        return int(self.changed.sum())

    @property
    def jaccard(self) -> float:
        """Jaccard distance (Jaccard 1912): hits changed over hits of either; 0 of two silences."""
        union = self.shared.sum() + self.changed.sum()
        return float(self.changed.sum() / union) if union else 0.0


def compare(
    left: DrumLoop,
    right: DrumLoop,
    transform: Transform = Transform(),  # noqa: B008 (frozen)
    tolerance_steps: int = 0,
) -> Distance:
    """Lay the right loop over the left one by a transform, and count.

    Args:
        left: A loop.
        right: Another on the same grid.
        transform: How the right one lies.
        tolerance_steps: A hit counts as met by one of its voice at most so many steps away, each
            hit by one at most. Time runs from the first step to the last: no hit is met across
            the loop's seam.

    Raises:
        ParameterError: The grids differ, the window lies outside, or the tolerance is below 0.
    """
    ours, theirs = lay_over(left, right, transform)
    return compare_onsets(ours.onsets, theirs.onsets, tolerance_steps)


def compare_onsets(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_], tolerance_steps: int = 0
) -> Distance:
    """Count what two `(n_steps, 9)` arrays of onsets have in common, as they stand.

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

    Earliest first is optimal: times that can meet form intervals of one length (a proper interval
    bigraph), where any largest matching can be uncrossed without loss (Glover 1967, "Maximum
    matching in a convex bipartite graph").
    """
    met = at = 0
    for time in ours:
        while at < len(theirs) and theirs[at] < time - tolerance:
            at += 1
        if at < len(theirs) and theirs[at] <= time + tolerance:
            met, at = met + 1, at + 1
    return met

"""How far two loops are from each other, and who is near whom.

The distance is the Jaccard distance of the onset sets, 1 - |A and B| / |A or B|, from 0 (the same
hits) to 1 (none in common), after the shorter loop was repeated to the longer's length and under
the best rotation by whole beats. Velocity, microtiming, tempo and where the loop starts do not
enter. Intersections of all pairs are one matrix product a rotation, so the search is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop, repeat_to

_BEATS_A_BAR: Final = 4
_MAX_ROTATED_BARS: Final = 8
_CHUNK_CELLS: Final = 2**26


@dataclass(frozen=True, slots=True)
class Pair:
    """Two loops, their distance, and the beats by which the right is rotated to meet the left."""

    left: int
    right: int
    distance: float
    rotation_beats: int


def find_pairs(
    left: Sequence[DrumLoop], right: Sequence[DrumLoop], max_distance: float
) -> list[Pair]:
    """Every pair of a left and a right loop within `max_distance`, by left and right index.

    Rotations go over the beats of the shorter loop, up to eight bars of them.

    Raises:
        ParameterError: The loops stand on different grids.
    """
    grids = {loop.steps_per_bar for loop in (*left, *right)}
    if len(grids) > 1:
        raise ParameterError("steps_per_bar", "the same for all loops", sorted(grids))
    pairs: list[Pair] = []
    right_by_length = _by_length(right)
    for left_bars, left_at in _by_length(left).items():
        for right_bars, right_at in right_by_length.items():
            n_bars = max(left_bars, right_bars)
            width = n_bars * next(iter(grids)) * left[0].velocities.shape[1]
            rows = max(1, _CHUNK_CELLS // width)
            for start in range(0, len(left_at), rows):
                chunk = left_at[start : start + rows]
                pairs += _find_within(left, chunk, right, right_at, n_bars, max_distance)
    return sorted(pairs, key=lambda pair: (pair.left, pair.right))


def _find_within(
    left: Sequence[DrumLoop],
    left_at: list[int],
    right: Sequence[DrumLoop],
    right_at: list[int],
    n_bars: int,
    max_distance: float,
) -> list[Pair]:
    shorter_bars = min(left[left_at[0]].n_bars, right[right_at[0]].n_bars)
    steps_per_beat = left[left_at[0]].steps_per_bar // _BEATS_A_BAR
    ours = _onsets(left, left_at, n_bars)
    theirs = _onsets(right, right_at, n_bars)
    ours_flat = ours.reshape(len(ours), -1)
    n_ours, n_theirs = ours_flat.sum(axis=1), theirs.sum(axis=(1, 2))
    best = np.full((len(ours), len(theirs)), np.inf, np.float32)
    rotation = np.zeros(best.shape, np.int64)
    for beats in range(_BEATS_A_BAR * min(shorter_bars, _MAX_ROTATED_BARS)):
        turned = np.roll(theirs, -beats * steps_per_beat, axis=1).reshape(len(theirs), -1)
        shared = ours_flat @ turned.T
        union = n_ours[:, None] + n_theirs[None] - shared
        # Two silent loops are the same loop. Whole numbers up to the division: 1 of 10 is 0.1.
        distance = np.divide(union - shared, union, out=np.zeros_like(shared), where=union > 0)
        nearer = distance < best
        best[nearer], rotation[nearer] = distance[nearer], beats
    return [
        Pair(left_at[i], right_at[j], float(best[i, j]), int(rotation[i, j]))
        for i, j in np.argwhere(best <= np.float32(max_distance))
    ]


def _by_length(loops: Sequence[DrumLoop]) -> dict[int, list[int]]:
    lengths: dict[int, list[int]] = {}
    for at, loop in enumerate(loops):
        lengths.setdefault(loop.n_bars, []).append(at)
    return lengths


def _onsets(loops: Sequence[DrumLoop], at: list[int], n_bars: int) -> NDArray[np.float32]:
    """`(n, n_steps, 9)` onsets of some loops, repeated to `n_bars`."""
    return np.stack([repeat_to(loops[i], n_bars).onsets for i in at]).astype(np.float32)


def connect(n_items: int, links: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """The connected components of a graph.

    Returns:
        `(n_items,)` the smallest item of each item's component.
    """
    parent = list(range(n_items))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for one, other in links:
        low, high = sorted((find(one), find(other)))
        parent[high] = low
    return np.array([find(item) for item in range(n_items)], dtype=np.int64)


def cluster(loops: Sequence[DrumLoop], max_distance: float) -> NDArray[np.int64]:
    """Group loops that share a source or lie within `max_distance` of each other.

    Returns:
        `(n_loops,)` the index of the first loop of each loop's group.
    """
    links = [(pair.left, pair.right) for pair in find_pairs(loops, loops, max_distance)]
    first: dict[str, int] = {}
    for at, loop in enumerate(loops):
        links += [(first.setdefault(source, at), at) for source in loop.lineage.source_ids]
    return connect(len(loops), links)

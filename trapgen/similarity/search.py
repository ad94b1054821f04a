"""How far two loops are from each other, and who is near whom.

The distance is the Jaccard distance of the onset sets, 1 - |A and B| / |A or B|, from 0 (the same
hits) to 1 (none in common), after the shorter loop was repeated to the longer's length and under
the best rotation by whole beats. Velocity, microtiming, tempo and where the loop starts do not
enter. Nothing is approximated: the search looks at all pairs under all rotations.
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
_CHUNK_CELLS: Final = 2**24


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

    Rotations go over all beats of the shorter loop, or of the longer where the shorter does not fit
    into it a whole number of times.

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
            rows = max(1, _CHUNK_CELLS // (_BEATS_A_BAR * n_bars * len(right_at)))
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
    n_beats = _BEATS_A_BAR * n_bars
    shorter = min(left[left_at[0]].n_bars, right[right_at[0]].n_bars)
    # A loop that fits into the other repeats itself; one that does not has more ways to lie.
    n_rotations = n_beats if n_bars % shorter else _BEATS_A_BAR * shorter
    ours = _onsets(left, left_at, n_bars).reshape(len(left_at), n_beats, -1)
    theirs = _onsets(right, right_at, n_bars).reshape(len(right_at), n_beats, -1)
    # All rotations at once: a product of spectra over the beats is the sum over every shift.
    ours_spectrum = np.fft.rfft(ours, axis=1).conj().transpose(1, 0, 2)
    theirs_spectrum = np.fft.rfft(theirs, axis=1).transpose(1, 2, 0)
    shifted = np.fft.irfft(ours_spectrum @ theirs_spectrum, n=n_beats, axis=0)
    shared = np.rint(shifted[:n_rotations])
    n_hits = ours.sum(axis=(1, 2))[:, None] + theirs.sum(axis=(1, 2))[None]
    union = n_hits - shared
    # Two silent loops are the same loop. Whole numbers up to the division: 1 of 10 is 0.1.
    distance = np.divide(union - shared, union, out=np.zeros_like(shared), where=union > 0)
    rotation = distance.argmin(axis=0)
    best = np.take_along_axis(distance, rotation[None], axis=0)[0]
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


def share_near(
    ours: NDArray[np.bool_], known: NDArray[np.bool_], max_distance: float
) -> NDArray[np.bool_]:
    """Which rows of onsets have a known row within `max_distance`, as they stand.

    Args:
        ours: `(n, n_cells)` onsets.
        known: `(m, n_cells)` onsets.
        max_distance: Jaccard distance, from 0 to 1.

    Returns:
        `(n,)` bool.
    """
    rows = max(1, _CHUNK_CELLS // max(1, len(known)))
    theirs = known.astype(np.float32)
    found = np.zeros(len(ours), bool)
    for start in range(0, len(ours), rows):
        part = ours[start : start + rows].astype(np.float32)
        shared = part @ theirs.T
        union = part.sum(axis=1)[:, None] + theirs.sum(axis=1)[None] - shared
        near = union - shared <= np.float32(max_distance) * union
        found[start : start + rows] = near.any(axis=1)
    return found


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

"""Exact near-duplicate search over loops: every pair within a distance.

The distance is the Jaccard distance of the onset sets, 1 - |A and B| / |A or B|, from 0 (the same
hits) to 1 (none in common), after repeating the shorter loop to the longer's length and under the
best rotation by whole beats (reference implementation: `trapgen.similarity.distance`). It ignores
velocity, microtiming, tempo and where the loop starts.

Method: distinct patterns; a bound from hits folded onto one beat, which is invariant under
rotation, for blocks of pairs at a time; then all rotations of the remaining pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, N_VOICES, Columns, DrumLoop, ParameterError, map_blocks
from trapgen.similarity.bitsets import Patterns, Rows
from trapgen.similarity.bounds import Limit, encode
from trapgen.similarity.pairs import Pairs
from trapgen.similarity.rotations import Best, rotate_all, rotate_some

_BLOCK_ROWS: Final = 256
_BLOCK_COLUMNS: Final = 2048
_BLOCK_BYTES: Final = 2**25
_DENSE: Final = 0.2
"""Share of a block's pairs from which computing all of them at once is faster."""


def find_pairs(
    left: Sequence[DrumLoop],
    right: Sequence[DrumLoop],
    max_distance: float,
    *,
    stretch: bool = False,
) -> Pairs:
    """Every pair of a left and a right loop within `max_distance`, by left and right index.

    Rotations cover all beats of the shorter loop, or of the longer if its length is not a multiple
    of the shorter's; of equally good rotations, the smallest counts.

    Args:
        left: Loops.
        right: Loops on the same grid.
        max_distance: Jaccard distance, from 0 to 1, inclusive.
        stretch: Also search for pairs of which one is the other in half time. Of equally good
            alignments, the same tempo comes first, then the right loop slow, then the left.

    Raises:
        ParameterError: The loops have different grids.
    """
    grids = {loop.steps_per_bar for loop in (*left, *right)}
    if len(grids) > 1:
        raise ParameterError("steps_per_bar", "the same for all loops", sorted(grids))
    ours = Patterns.of(left)
    theirs = ours if left is right else Patterns.of(right)
    found = _search(ours, theirs, max_distance)
    if stretch:
        slow = _search(ours, theirs.in_half_time(N_VOICES), max_distance, stretch=2)
        if theirs is ours:
            slow_left = slow.mirrored()
        else:
            slow_left = _search(ours.in_half_time(N_VOICES), theirs, max_distance, stretch=0.5)
        found = found.with_nearer(slow).with_nearer(slow_left)
    return found.expand(ours.of_loop, theirs.of_loop)


@dataclass(frozen=True, eq=False)
class _Found(Columns):
    """Pairs of patterns; `backward` is the rotation with left and right exchanged."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    distance: NDArray[np.float32]
    rotation: NDArray[np.int32]
    backward: NDArray[np.int32]
    stretch: NDArray[np.float32]

    def mirrored(self) -> _Found:
        """The same pairs, left and right exchanged."""
        return _Found(
            self.right,
            self.left,
            self.distance,
            self.backward,
            self.rotation,
            (1 / self.stretch).astype(np.float32),
        )

    def with_nearer(self, others: _Found) -> _Found:
        """The nearer alignment of each pair; in a tie, this one's."""
        size = 1 + max(self.right.max(initial=0), others.right.max(initial=0))
        ours, theirs = self.left * size + self.right, others.left * size + others.right
        order = np.argsort(ours)
        place = np.searchsorted(ours, theirs, sorter=order)
        place = order[np.minimum(place, len(order) - 1)] if len(order) else place
        known = ours[place] == theirs if len(order) else np.zeros(len(theirs), np.bool_)
        nearer = known.copy()
        nearer[known] = others.distance[known] < self.distance[place[known]]
        kept = np.ones(len(ours), np.bool_)
        kept[place[nearer]] = False
        return _Found.join([self.take(kept), others.take(nearer | ~known)])

    def expand(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> Pairs:
        """Pairs of loops from pairs of patterns, given each loop's pattern."""
        by_left, by_right = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
        n_left, n_right = np.bincount(left), np.bincount(right)
        first_left = np.cumsum(n_left) - n_left
        first_right = np.cumsum(n_right) - n_right
        n_pairs = n_left[self.left] * n_right[self.right]
        at = np.repeat(np.arange(len(n_pairs)), n_pairs)
        within = np.arange(len(at)) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
        row, column = np.divmod(within, n_right[self.right][at])
        one = by_left[first_left[self.left[at]] + row].astype(np.int32)
        other = by_right[first_right[self.right[at]] + column].astype(np.int32)
        order = np.argsort(one.astype(np.int64) * len(right) + other)
        at = at[order]
        return Pairs(
            one[order], other[order], self.distance[at], self.rotation[at], self.stretch[at]
        )


_NOTHING: Final = _Found(
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.int32),
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
)


def _search(ours: Patterns, theirs: Patterns, max_distance: float, stretch: float = 1) -> _Found:
    """Pairs of patterns within a distance, at one stretch."""

    def work(block: _Block) -> _Found:
        left, right, best = block.search()
        n_hits = block.ours.n_hits[left] + block.theirs.n_hits[right]
        # Integers up to the division: 1 of 10 is 0.1. Two silent loops are equal.
        union = (n_hits - best.shared).astype(np.float32)
        changed = union - best.shared.astype(np.float32)
        distance = np.divide(changed, union, out=np.zeros_like(union), where=union > 0)
        near = distance <= np.float32(max_distance)
        found = _Found(
            block.ours.pattern[left],
            block.theirs.pattern[right],
            distance,
            best.rotation,
            best.backward,
            np.full(len(left), stretch, np.float32),
        )
        return found.take(near)

    limit = Limit.of_distance(max_distance)
    found = _Found.join([_NOTHING, *map_blocks(work, _blocks(ours, theirs, limit))])
    if ours is theirs:
        return _Found.join([found, found.take(found.left != found.right).mirrored()])
    return found


def _blocks(ours: Patterns, theirs: Patterns, limit: Limit) -> Iterator[_Block]:
    """Blocks that cover every pair within the limit once; within one set, in one order only."""
    for n_bars in sorted({*ours.groups, *theirs.groups}):
        # One length at a time: shorter patterns are repeated to it.
        ours_to, theirs_to = (
            [length for length in side.groups if length <= n_bars] for side in (ours, theirs)
        )
        if n_bars in ours.groups and theirs_to:
            here = ours.rows(n_bars, [n_bars])
            if ours is theirs:
                yield from _tile(here, here, limit)
                theirs_to = theirs_to[:-1]
            if theirs_to:
                yield from _tile(here, theirs.rows(n_bars, theirs_to), limit)
        shorter = [length for length in ours_to if length < n_bars]
        if ours is not theirs and n_bars in theirs.groups and shorter:
            yield from _tile(ours.rows(n_bars, shorter), theirs.rows(n_bars, [n_bars]), limit)


def _tile(ours: Rows, theirs: Rows, limit: Limit) -> Iterator[_Block]:
    one, other = encode(ours.counts, theirs.counts, limit)
    n_bytes = ours.groups[0].bits.packed.shape[2] * (BEATS_A_BAR * ours.n_bars) ** 2
    n_columns = max(1, min(_BLOCK_COLUMNS, _BLOCK_BYTES // n_bytes))
    for start in range(0, len(ours), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(ours)))
        # Both are ascending by hits, so the candidates of a row form a range.
        least, most = limit.fewest(ours.n_hits[start]), limit.most(ours.n_hits[rows.stop - 1])
        first = int(np.searchsorted(theirs.n_hits, least))
        first = max(first, start) if ours is theirs else first
        end = int(np.searchsorted(theirs.n_hits, most, side="right"))
        for column in range(first, end, n_columns):
            columns = slice(column, min(column + n_columns, end))
            yield _Block(ours, theirs, rows, columns, one[rows], other[:, columns], limit)


@dataclass(frozen=True, eq=False)
class _Block:
    """Some rows against others; within one set, no row against an earlier one."""

    ours: Rows
    theirs: Rows
    rows: slice
    columns: slice
    code: NDArray[np.float32]
    other_code: NDArray[np.float32]
    limit: Limit

    def search(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Best]:
        """Candidate rows of both sets, and their best rotation."""
        near = self._in_order(self.code @ self.other_code >= 0)
        left, right = np.divmod(np.flatnonzero(near), near.shape[1])
        if len(left) > _DENSE * near.size:
            one, other = (
                self.limit.lean(rows.n_hits[at])
                for rows, at in ((self.ours, self.rows), (self.theirs, self.columns))
            )
            left, right, best = rotate_all(
                self.ours.bits[self.rows],
                self.theirs.bits[self.columns],
                np.where(near, one[:, None] + other, np.float32(np.inf)),
            )
        else:
            best = self._rotate_some(left, right)
        return left + self.rows.start, right + self.columns.start, best

    def _in_order(self, near: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if self.ours is self.theirs and self.columns.start < self.rows.stop:
            return np.triu(near, self.rows.start - self.columns.start)
        return near

    def _rotate_some(self, left: NDArray[np.intp], right: NDArray[np.intp]) -> Best:
        one, other = self.ours.own_bars[self.rows][left], self.theirs.own_bars[self.columns][right]
        shorter = np.minimum(one, other)
        # A loop that divides the other repeats itself; one that does not has more rotations.
        n_bars = np.where(self.ours.n_bars % shorter, self.ours.n_bars, shorter)
        rows, left = np.unique(left, return_inverse=True)
        columns, right = np.unique(right, return_inverse=True)
        return rotate_some(
            self.ours.bits[self.rows][rows],
            self.theirs.bits[self.columns][columns],
            left,
            right,
            BEATS_A_BAR * n_bars,
        )

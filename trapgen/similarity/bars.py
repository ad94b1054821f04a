"""Exact near-duplicate search over unrotated rows of onsets: bars and windows, at Lakh scale.

The search is exact at any size, and counts each distinct row once. Rows that may differ in few
cells are found by blocking keys; those that may differ in many are compared with all rows of a
similar number of hits, which is also exact and, far beyond 100,000 rows, slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core import ParameterError, map_blocks
from trapgen.similarity.bitsets import BitSets
from trapgen.similarity.blocking import MAX_CHANGES, Key, count_keys, make_keys, meet
from trapgen.similarity.bounds import Limit

_TILE_ROWS: Final = 32
_TILE_COLUMNS: Final = 2048
_KEY_COST: Final = 80
"""Number of row comparisons that cost as much as one key lookup."""


class RowPairs(NamedTuple):
    """Pairs of rows within a distance, sorted by index of ours, then of known.

    Attributes:
        ours: `(n_pairs,)` int64.
        known: `(n_pairs,)` int64.
        distance: `(n_pairs,)` float32, Jaccard.
    """

    ours: NDArray[np.int64]
    known: NDArray[np.int64]
    distance: NDArray[np.float32]


def near_rows(
    ours: NDArray[np.bool_],
    known: NDArray[np.bool_],
    max_distance: float = 1.0,
    *,
    max_changed: int | None = None,
) -> RowPairs:
    """Every pair of one of our rows and a known row within a distance.

    Args:
        ours: `(n, n_cells)` onsets, voices innermost.
        known: `(m, n_cells)` onsets.
        max_distance: Jaccard distance, from 0 to 1, inclusive; two silent rows are at 0.
        max_changed: Also at most this many differing cells; no limit if None.

    Raises:
        ParameterError: The rows have different lengths.
    """
    search = _Search.of(ours, known, max_distance, max_changed)
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    parts = [nothing, *search.pairs()]
    one, other, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
    if search.ours is search.known:
        apart = one != other
        one, other = np.concatenate([one, other[apart]]), np.concatenate([other, one[apart]])
        distance = np.concatenate([distance, distance[apart]])
    by_one = _Holders(search.ours.of_row)
    by_other = _Holders(search.known.of_row)
    at = np.repeat(np.arange(len(one)), by_one.counts[one] * by_other.counts[other])
    within = np.arange(len(at)) - np.searchsorted(at, at)
    row, column = np.divmod(within, by_other.counts[other[at]])
    found = by_one.member(one[at], row), by_other.member(other[at], column)
    order = np.argsort(found[0] * len(known) + found[1])
    return RowPairs(found[0][order], found[1][order], distance[at][order])


def share_near(
    ours: NDArray[np.bool_], known: NDArray[np.bool_], max_distance: float
) -> NDArray[np.bool_]:
    """Mask of our rows with a known row within `max_distance`, without rotation.

    Args:
        ours: `(n, n_cells)` onsets, voices innermost.
        known: `(m, n_cells)` onsets.
        max_distance: Jaccard distance, from 0 to 1, inclusive; two silent rows are at 0.

    Returns:
        `(n,)` bool.

    Raises:
        ParameterError: The rows have different lengths.
    """
    search = _Search.of(ours, known, max_distance, None)
    return search.any_near()[search.ours.of_row]


class _Holders:
    """Rows by distinct row."""

    def __init__(self, of_row: NDArray[np.int64]) -> None:
        self.counts = np.bincount(of_row)
        self._first = np.cumsum(self.counts) - self.counts
        self._rows = np.argsort(of_row, kind="stable")

    def member(self, distinct: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = self._rows[self._first[distinct] + number]
        return rows


@dataclass(frozen=True, eq=False)
class _Distinct:
    """Distinct rows, ascending by hits, and the index of each row among them."""

    words: NDArray[np.uint64]
    n_hits: NDArray[np.int32]
    of_row: NDArray[np.int64]

    @classmethod
    def of(cls, rows: NDArray[np.bool_]) -> _Distinct:
        words = BitSets.of(rows).words()
        n_hits = rows.sum(axis=1, dtype=np.int32)
        order = np.lexsort((*words.T, n_hits))
        new = np.ones(len(order), np.bool_)
        new[1:] = (words[order[1:]] != words[order[:-1]]).any(axis=1)
        of_row = np.empty(len(order), np.int64)
        of_row[order] = np.cumsum(new) - 1
        return cls(words[order[new]], n_hits[order[new]], of_row)


class _Band(NamedTuple):
    """Some of our rows, the known rows that may be near them, and the maximum differing cells."""

    rows: slice
    columns: slice
    n_changes: int


_Near = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class _Search:
    ours: _Distinct
    known: _Distinct
    cells: NDArray[np.int64]
    max_distance: float
    max_changed: int | None

    @classmethod
    def of(
        cls,
        ours: NDArray[np.bool_],
        known: NDArray[np.bool_],
        max_distance: float,
        max_changed: int | None,
    ) -> _Search:
        if ours.shape[1] != known.shape[1]:
            raise ParameterError("rows", "of one length", (ours.shape[1], known.shape[1]))
        one = _Distinct.of(ours)
        other = one if ours is known else _Distinct.of(known)
        cells = ours.sum(axis=0) + known.sum(axis=0)
        return cls(one, other, cells, max_distance, max_changed)

    @property
    def limits(self) -> list[Limit]:
        """Limits that must both hold; the last is the strictest."""
        limits = [Limit.of_distance(self.max_distance)]
        return limits if self.max_changed is None else [*limits, Limit.of_changes(self.max_changed)]

    def pairs(self) -> Iterator[_Near]:
        """Near pairs of distinct rows; within one set, each pair once."""
        for band in self._bands():
            for found in map_blocks(list[_Near], self._jobs(band)):
                yield from found

    def any_near(self) -> NDArray[np.bool_]:
        """Mask of our distinct rows with a near row."""
        near = np.zeros(len(self.ours.words), np.bool_)

        def collect(job: Iterator[_Near]) -> NDArray[np.int64]:
            return np.unique(np.concatenate([np.zeros(0, np.int64), *(one for one, _, _ in job)]))

        for band in self._bands():
            for rows in map_blocks(collect, self._jobs(band, once=True)):
                near[rows] = True
        return near

    def _bands(self) -> Iterator[_Band]:
        n_hits, known_hits = self.ours.n_hits, self.known.n_hits
        most_known = float(known_hits.max(initial=0))

        def count_changes(hits: int) -> int:
            most = min(most_known, *(np.floor(limit.most(hits)) for limit in self.limits))
            n_changes = min(int(limit.changes(hits, most)) for limit in self.limits)
            return max(0, min(n_changes, MAX_CHANGES + 1))

        for n_changes, group in groupby(np.unique(n_hits).tolist(), count_changes):
            hits = [*group]
            least = max(limit.fewest(hits[0]) for limit in self.limits)
            most = min(limit.most(hits[-1]) for limit in self.limits)
            rows = slice(*np.searchsorted(n_hits, [hits[0], hits[-1] + 1]))
            columns = slice(*np.searchsorted(known_hits, [least, np.nextafter(most, np.inf)]))
            yield _Band(rows, columns, n_changes)

    def _jobs(self, band: _Band, once: bool = False) -> Iterator[Iterator[_Near]]:
        n_rows, n_columns = band.rows.stop - band.rows.start, band.columns.stop - band.columns.start
        few = band.n_changes <= MAX_CHANGES
        cost = count_keys(band.n_changes) * _KEY_COST * (n_rows + n_columns) if few else np.inf
        if cost < n_rows * n_columns:
            n_all = len(self.ours.of_row) + len(self.known.of_row)
            for key in make_keys(self.cells, n_all, band.n_changes):
                yield self._meet(band, key)
        else:
            for start in range(band.rows.start, band.rows.stop, _TILE_ROWS):
                rows = np.arange(start, min(start + _TILE_ROWS, band.rows.stop))
                yield self._compare(rows, band.columns, once)

    def _meet(self, band: _Band, key: Key) -> Iterator[_Near]:
        """Near pairs among rows that agree on a key and on no earlier key."""
        words, known = self.ours.words[band.rows], self.known.words[band.columns]
        for left, right in meet(words, known, key):
            one, other = left + band.rows.start, right + band.columns.start
            if self.ours is self.known:
                once = one <= other
                one, other, left, right = one[once], other[once], left[once], right[once]
            changed = words[left] ^ known[right]
            n_changed = np.add.reduce(np.bitwise_count(changed).T.copy(), axis=0, dtype=np.int32)
            chosen = np.flatnonzero(n_changed <= band.n_changes)
            chosen = chosen[key.is_first(changed[chosen])]
            n_hits = self.ours.n_hits[one[chosen]] + self.known.n_hits[other[chosen]]
            shared = (n_hits - n_changed[chosen]) // 2
            yield self._measure(one[chosen], other[chosen], shared)

    def _compare(self, rows: NDArray[np.int64], columns: slice, once: bool) -> Iterator[_Near]:
        """Near pairs among a few rows and all candidates, in tiles that fit the cache.

        With `once`, a row is skipped after its first match.
        """
        limit, itself = self.limits[-1], self.ours is self.known
        first = max(columns.start, rows[0]) if itself and not once else columns.start
        for start in range(first, columns.stop, _TILE_COLUMNS):
            tile = slice(start, min(start + _TILE_COLUMNS, columns.stop))
            shared = np.zeros((len(rows), tile.stop - start), np.uint16)
            known = self.known.words[tile].T.copy()
            for mine, theirs in zip(self.ours.words[rows].T, known, strict=True):
                shared += np.bitwise_count(mine[:, None] & theirs)
            least = limit.lean(self.ours.n_hits[rows])[:, None]
            near = shared >= least + limit.lean(self.known.n_hits[tile])
            left, right = np.divmod(np.flatnonzero(near), near.shape[1])
            if itself and not once:
                right, left = (part[rows[left] <= right + start] for part in (right, left))
            found = self._measure(rows[left], right + start, shared[left, right])
            yield found
            if once:
                rows = rows[~np.isin(rows, found[0])]
                if not len(rows):
                    return

    def _measure(
        self, ours: NDArray[np.int64], known: NDArray[np.int64], shared: NDArray[np.integer]
    ) -> _Near:
        union = (self.ours.n_hits[ours] + self.known.n_hits[known] - shared).astype(np.float32)
        changed = union - shared.astype(np.float32)
        distance = np.divide(changed, union, out=np.zeros_like(union), where=union > 0)
        near = distance <= np.float32(self.max_distance)
        if self.max_changed is not None:
            near &= changed <= self.max_changed
        return ours[near], known[near], distance[near]

"""Loops as bit sets: distinct patterns of onsets, cut into beats, repeated to any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, DrumLoop

_WORD_BYTES: Final = 8


@dataclass(frozen=True, eq=False)
class BitSets:
    """Rows of onsets as bit sets.

    Attributes:
        packed: `(n, ..., n_bytes)` uint8; the bits past `n_cells` are 0.
        n_cells: Onsets along the last axis.
    """

    packed: NDArray[np.uint8]
    n_cells: int

    @classmethod
    def of(cls, rows: NDArray[np.bool_]) -> BitSets:
        """Pack `(n, ..., n_cells)` onsets."""
        return cls(np.packbits(rows, axis=-1), rows.shape[-1])

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.integer]) -> BitSets:
        return BitSets(self.packed[rows], self.n_cells)

    def unpack(self) -> NDArray[np.bool_]:
        """`(n, ..., n_cells)` onsets."""
        return np.unpackbits(self.packed, axis=-1, count=self.n_cells).view(np.bool_)

    def count(self) -> NDArray[np.int64]:
        """`(n, ...)` hits."""
        n_hits: NDArray[np.int64] = np.bitwise_count(self.packed).sum(axis=-1, dtype=np.int64)
        return n_hits

    def words(self, rotation: int = 0) -> NDArray[np.uint64]:
        """`(n, n_words)` 64-bit words, the axis after the first rotated backward."""
        turned = np.roll(self.packed, -rotation, axis=1) if rotation else self.packed
        n_bytes = prod(turned.shape[1:])
        words = np.zeros((len(turned), -(-n_bytes // _WORD_BYTES) * _WORD_BYTES), np.uint8)
        words[:, :n_bytes] = turned.reshape(len(turned), n_bytes)
        return words.view(np.uint64)

    def distinct(self) -> tuple[BitSets, NDArray[np.int64]]:
        """Distinct rows of `(n, n_bytes)`, sorted, and `(n,)` index of each row among them."""
        rows = np.ascontiguousarray(self.packed)
        keys = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        return self[first], number.astype(np.int64).ravel()


@dataclass(frozen=True, eq=False)
class Group:
    """The distinct patterns of one length.

    Attributes:
        first: Number of its first pattern among all patterns.
        beats: `(n, n_beats, n_cells)` bool onsets; a cell is a step of the beat and a voice.
    """

    first: int
    beats: NDArray[np.bool_]

    @property
    def n_bars(self) -> int:
        """Length in bars."""
        return int(self.beats.shape[1]) // BEATS_A_BAR

    @cached_property
    def bits(self) -> BitSets:
        """The onsets as bits, `packed` `(n, n_beats, n_bytes)`."""
        return BitSets.of(self.beats)

    @cached_property
    def counts(self) -> NDArray[np.integer]:
        """`(n, n_bars + 1, n_cells)` hits of the first 0, 1, ... bars, folded onto one beat."""
        bars = self.beats.reshape(len(self.beats), self.n_bars, BEATS_A_BAR, -1).sum(2, np.int8)
        kind = np.int16 if BEATS_A_BAR * self.n_bars <= np.iinfo(np.int16).max else np.int32
        counts = np.zeros((bars.shape[0], self.n_bars + 1, bars.shape[2]), kind)
        np.cumsum(bars, axis=1, dtype=kind, out=counts[:, 1:])
        return counts


@dataclass(frozen=True, eq=False)
class Patterns:
    """The distinct patterns of some loops, by length.

    Attributes:
        of_loop: `(n_loops,)` int64 number of each loop's pattern.
        groups: The patterns of each length in bars, numbered consecutively.
    """

    of_loop: NDArray[np.int64]
    groups: dict[int, Group]

    @classmethod
    def of(cls, loops: Sequence[DrumLoop]) -> Patterns:
        """The patterns of loops that share one grid."""
        seen: dict[int, dict[bytes, int]] = {}
        places = []
        for loop in loops:
            known = seen.setdefault(loop.n_bars, {})
            places.append((loop.n_bars, known.setdefault(loop.onsets.tobytes(), len(known))))
        groups: dict[int, Group] = {}
        first = 0
        for n_bars in sorted(seen):
            rows = np.frombuffer(b"".join(seen[n_bars]), np.bool_)
            beats = rows.reshape(len(seen[n_bars]), BEATS_A_BAR * n_bars, -1)
            groups[n_bars] = Group(first, beats)
            first += len(beats)
        numbers = [groups[n_bars].first + at for n_bars, at in places]
        return cls(np.array(numbers, np.int64), groups)

    def in_half_time(self, n_voices: int) -> Patterns:
        """The same patterns at half the tempo: each step becomes two."""
        groups = {}
        for n_bars, group in self.groups.items():
            steps = group.beats.reshape(len(group.beats), -1, n_voices)
            slow = np.zeros((len(steps), 2 * steps.shape[1], n_voices), np.bool_)
            slow[:, ::2] = steps
            beats = slow.reshape(len(steps), 2 * group.beats.shape[1], -1)
            groups[2 * n_bars] = Group(group.first, beats)
        return Patterns(self.of_loop, groups)

    def rows(self, n_bars: int, lengths: Sequence[int]) -> Rows:
        """The patterns of some lengths, repeated or cut to `n_bars`, ascending by hits."""
        groups = [self.groups[length] for length in lengths]
        folded = []
        for group in groups:
            times, rest = divmod(n_bars, group.n_bars)
            whole, part = group.counts[:, -1].astype(np.int32), group.counts[:, rest]
            folded.append(times * whole + part)
        counts = np.concatenate(folded)
        order = np.argsort(counts.sum(axis=1), kind="stable")
        numbers = [group.first + np.arange(len(group.beats)) for group in groups]
        periods = [np.full(len(group.beats), group.n_bars) for group in groups]
        return Rows(
            n_bars,
            groups,
            order,
            np.concatenate(numbers)[order],
            np.concatenate(periods)[order],
            counts[order],
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """Patterns repeated to one length, ascending by hits.

    Attributes:
        n_bars: The length.
        groups: Groups that the patterns come from.
        order: `(n,)` int64 index of each row among the groups' patterns.
        pattern: `(n,)` int64 number of its pattern.
        own_bars: `(n,)` int64 length before it was repeated.
        counts: `(n, n_cells)` int32 hits folded onto one beat, invariant under rotation by beats.
    """

    n_bars: int
    groups: Sequence[Group]
    order: NDArray[np.int64]
    pattern: NDArray[np.int64]
    own_bars: NDArray[np.int64]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def n_hits(self) -> NDArray[np.int64]:
        """`(n,)` hits, ascending."""
        n_hits: NDArray[np.int64] = self.counts.sum(axis=1, dtype=np.int64)
        return n_hits

    @cached_property
    def bits(self) -> BitSets:
        """The onsets as bits, `packed` `(n, n_beats, n_bytes)`."""
        n_beats = BEATS_A_BAR * self.n_bars
        tiled = [
            np.tile(group.bits.packed, (1, -(-self.n_bars // group.n_bars), 1))[:, :n_beats]
            for group in self.groups
        ]
        return BitSets(np.concatenate(tiled)[self.order], self.groups[0].bits.n_cells)

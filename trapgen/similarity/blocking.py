"""Blocking keys: rows that differ in few cells agree exactly in most parts of them.

If rows are cut into k + m parts, two rows that differ in k cells agree in at least m parts
(pigeonhole principle, as Manku, Jain and Das Sarma 2007 use it for near-duplicate web pages). With
one key for each choice of m parts, no pair within k is missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.similarity.bitsets import BitSets

# More parts per key mean smaller buckets and more keys; measured on bars of 9 x 32 cells.
_AGREED: Final = {0: 1, 1: 3, 2: 3, 3: 4, 4: 4, 5: 4, 6: 4}
MAX_CHANGES: Final = max(_AGREED)
"""With more changes, there would be too many keys."""

_CHUNK_PAIRS: Final = 2**17
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)


def count_keys(n_changes: int) -> int:
    """Number of keys for `n_changes` changes."""
    agreed = _AGREED[n_changes]
    return comb(n_changes + agreed, agreed)


@dataclass(frozen=True, eq=False)
class Key:
    """One choice of parts.

    Attributes:
        mask: `(n_words,)` uint64, cells of the chosen parts.
        before: `(n_parts, n_words)` uint64, parts not chosen that precede the last chosen one. Of
            all keys that two rows agree on, exactly one has all of these parts differ.
    """

    mask: NDArray[np.uint64]
    before: NDArray[np.uint64]

    def is_first(self, changed: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Mask of the pairs, among those that agree on this key, that agree on no earlier key.

        Args:
            changed: `(n_pairs, n_words)` cells in which each pair differs.
        """
        first = np.ones(len(changed), np.bool_)
        for part in self.before:
            first &= (changed & part).any(axis=1)
        return first


def make_keys(hits: NDArray[np.integer], n_rows: int, n_changes: int) -> Iterator[Key]:
    """All keys for rows that differ in at most `n_changes` cells.

    Args:
        hits: `(n_cells,)` number of rows with a hit per cell; cells are assigned to the parts such
            that each part is equally informative.
        n_rows: Number of rows.
        n_changes: At most `MAX_CHANGES`.
    """
    n_parts = n_changes + _AGREED[n_changes]
    telling = np.argsort(-(hits * (n_rows - hits)), kind="stable")
    part_of = np.empty(len(hits), np.int64)
    part_of[telling] = np.arange(len(hits)) % n_parts
    parts = BitSets.of(part_of == np.arange(n_parts)[:, None]).words()
    for chosen in combinations(range(n_parts), _AGREED[n_changes]):
        before = [part for part in range(chosen[-1]) if part not in chosen]
        yield Key(np.bitwise_or.reduce(parts[list(chosen)]), parts[before])


def meet(
    ours: NDArray[np.uint64], known: NDArray[np.uint64], key: Key
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows with the same key (or, rarely, the same hash of it), in chunks.

    Args:
        ours: `(n, n_words)` rows as bit sets.
        known: `(m, n_words)` rows as bit sets.
        key: The key.
    """
    our_hash, known_hash = _hash(ours, key.mask), _hash(known, key.mask)
    # Lookups of sorted values are several times as fast.
    one, other = np.argsort(our_hash), np.argsort(known_hash)
    our_hash, known_hash = our_hash[one], known_hash[other]
    first = np.searchsorted(known_hash, our_hash)
    size = np.searchsorted(known_hash, our_hash, side="right") - first
    one, first, size = one[size > 0], first[size > 0], size[size > 0]
    ends = np.cumsum(size)
    start = 0
    while start < len(one):
        before = ends[start] - size[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK_PAIRS)))
        sizes = size[start:stop]
        shift = first[start:stop] - (ends[start:stop] - sizes - before)
        within = np.repeat(shift, sizes) + np.arange(sizes.sum())
        yield np.repeat(one[start:stop], sizes), other[within]
        start = stop


def _hash(words: NDArray[np.uint64], mask: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Multiply and shift, word by word."""
    value = np.zeros(len(words), np.uint64)
    for column, part in zip(words.T, mask, strict=True):
        value = (value ^ (column & part)) * _MIX
        value ^= value >> _SHIFT
    return value

"""Pairs of near loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from trapgen.core import Columns
from trapgen.similarity.transform import Transform


@dataclass(frozen=True, slots=True)
class Pair:
    """Two loops by index, their distance, and the alignment of the right with the left.

    Attributes:
        left: Index of the left loop.
        right: Index of the right loop.
        distance: Jaccard distance of the onsets, from 0 to 1.
        rotation_beats: Beats by which the right loop is rotated to match the left.
        stretch: 2 if the right loop matches in half time, 0.5 if the left does.
        first_bar: First bar of the passage of the left loop that is compared, from 0.
        n_bars: Its length; 0 for the whole loop.
    """

    left: int
    right: int
    distance: float
    rotation_beats: int
    stretch: float = 1.0
    first_bar: int = 0
    n_bars: int = 0

    @property
    def transform(self) -> Transform:
        """The transform that maps the right loop onto the left one."""
        return Transform(rotation_beats=self.rotation_beats, stretch=self.stretch)


@dataclass(frozen=True, eq=False)
class Pairs(Columns, Sequence[Pair]):
    """Pairs as columns, for tens of millions. A sequence of `Pair`, sorted by left and right index.

    Attributes:
        left: `(n,)` int32.
        right: `(n,)` int32.
        distance: `(n,)` float32.
        rotation_beats: `(n,)` int32.
        stretch: `(n,)` float32.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    distance: NDArray[np.float32]
    rotation_beats: NDArray[np.int32]
    stretch: NDArray[np.float32]

    @overload
    def __getitem__(self, at: int) -> Pair: ...

    @overload
    def __getitem__(self, at: slice | NDArray[np.bool_] | NDArray[np.integer]) -> Pairs: ...

    def __getitem__(
        self, at: int | slice | NDArray[np.bool_] | NDArray[np.integer]
    ) -> Pair | Pairs:
        """One pair, or those of a slice, a mask or an array of indices."""
        if isinstance(at, slice | np.ndarray):
            return self.take(at)
        return Pair(*(column[at].item() for column in self.columns))

    def __iter__(self) -> Iterator[Pair]:
        columns = (column.tolist() for column in self.columns)
        return (Pair(*values) for values in zip(*columns, strict=True))

    def __eq__(self, other: object) -> bool:
        """Same pairs with the same values, as columns or as a list."""
        if isinstance(other, Pairs):
            return all(map(np.array_equal, self.columns, other.columns))
        return list(self) == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

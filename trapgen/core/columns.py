"""Tables as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Columns:
    """A table whose fields are its columns: arrays of one length, rows along the first axis."""

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """The columns, in field order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Concatenate the rows of at least one table."""
        return cls(*map(np.concatenate, zip(*(part.columns for part in parts), strict=True)))

    def take(self, rows: slice | NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """The rows of a slice, a mask or an array of indices."""
        return type(self)(*(column[rows] for column in self.columns))

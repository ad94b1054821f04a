"""Products of rows with a weight that do not depend on which rows stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from trapgen.model.spec import Array

_WIDTH: Final = 256
"""Columns that are multiplied at a time: of 512 rows they fill half a megabyte, and stay in a
core's cache while one row of inputs comes after another."""


class RowProducts:
    """Each row of `x @ weight` reckoned by itself, as a product of a vector and a matrix.

    BLAS multiplies matrices in tiles, and rounds a row by the tile that it falls into; so a row of
    `x @ weight` depends on how many rows there are, and where it stands. Here it does not, as long
    as BLAS keeps to one thread. Many rows take longer than in a product of matrices; one row takes
    much less than a block that is filled up for its sake.

    Args:
        weights: float32 matrices by name; what is no matrix is passed over.
    """

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._parts = {
            name: [
                np.ascontiguousarray(weight[:, at : at + _WIDTH])
                for at in range(0, weight.shape[1], _WIDTH)
            ]
            for name, weight in weights.items()
            if weight.ndim == 2
        }

    def __call__(self, name: str, x: Array) -> Array:
        """`(n_rows, width) @ weight`; with an axis more, each `x[i] @ weight` by itself."""
        parts = self._parts[name]
        rows = x if x.ndim > 2 else x[:, None]
        result = np.empty((*rows.shape[:-1], sum(part.shape[1] for part in parts)), np.float32)
        at = 0
        for part in parts:
            np.matmul(rows, part, out=result[..., at : at + part.shape[1]])
            at += part.shape[1]
        return result if x.ndim > 2 else result[:, 0]

"""Batches of sequences of different lengths, and condition dropout during training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_WITHHELD: Final = 0.15
"""Probability that a condition input is replaced by unknown during training."""


def pad_rows(rows: Sequence[NDArray[Any]], length: int, value: float) -> NDArray[Any]:
    """`(n_rows, length, ...)`: rows padded to one length."""
    padded = np.full((len(rows), length, *rows[0].shape[1:]), value, rows[0].dtype)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded


def draw_by_length(
    lengths: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Indices of batches in random order; the rows of a batch have similar lengths."""
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    for start in rng.permutation(np.arange(0, len(order), size)):
        yield order[start : start + size]


def draw_known(rng: np.random.Generator, *shape: int) -> NDArray[np.bool_]:
    """Mask of inputs to keep; others become unknown, so that the network learns without them."""
    return np.asarray(rng.random(shape) >= _WITHHELD)

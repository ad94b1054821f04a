"""Distance of held-out loops to training loops: near loops are easy, far ones the real test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import to_loop
from trapgen.model.words.spec import Tokens
from trapgen.similarity import find_pairs

DISTANCES: Final = ("near", "middle", "far")
"""Names of the thirds of held-out loops, by distance to the nearest training loop."""

_PAIRS_AT_ONCE: Final = 2**20


def measure_distances(
    held_out: Sequence[Tokens], train: Sequence[Tokens], steps_per_bar: int
) -> NDArray[np.float64]:
    """Distance of every held-out loop to its nearest training loop.

    Args:
        held_out: Words of each held-out loop, `(n_steps,)`, in whole bars.
        train: Words of each training loop.
        steps_per_bar: The grid.

    Returns:
        `(n_held_out,)` from 0, a copy, to 1, no hit in common (see `trapgen.similarity`).
    """
    known = [to_loop(words, steps_per_bar) for words in train]
    nearest = np.ones(len(held_out))
    rows = max(1, _PAIRS_AT_ONCE // len(known))
    for start in range(0, len(held_out), rows):
        ours = [to_loop(words, steps_per_bar) for words in held_out[start : start + rows]]
        pairs = find_pairs(ours, known, max_distance=1.0)
        np.minimum.at(nearest, start + pairs.left, pairs.distance)
    return nearest


def part_by_distance(distances: NDArray[np.float64]) -> dict[str, NDArray[np.int64]]:
    """Split loops into nearly equal thirds, nearest first; ties keep their order.

    Returns:
        Indices of the loops by the names in `DISTANCES`; empty thirds are omitted.
    """
    order = np.argsort(distances, kind="stable")
    parts = zip(DISTANCES, np.array_split(order, len(DISTANCES)), strict=True)
    return {name: part for name, part in parts if len(part)}

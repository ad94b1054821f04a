"""How much of what is generated stands in the training data, beside what people borrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit import list_windows
from trapgen.core import BEATS_A_BAR, DrumLoop

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def copy_rate(train: Sequence[DrumLoop], loops: Sequence[DrumLoop], n_bars: int) -> float:
    """The share of windows of loops, a window a bar, that stand in train hit for hit.

    Training loops are looked at from every beat on, and every loop goes round; silent windows
    aside. Held-out human loops against train are the baseline, what people have in common anyway
    (Yin et al. 2022, doi 10.1007/s42979-022-01220-y, the originality report).

    Args:
        train: Loops, at least one.
        loops: Loops on the same grid.
        n_bars: Length of the windows; shorter loops have none.
    """
    windows = list_windows([*train, *loops], n_bars, at_every_beat=True)
    is_train = windows.owner < len(train)
    known = np.zeros(len(windows.onsets), bool)
    known[windows.pattern[is_train]] = True
    ours = known[windows.pattern[~is_train & (windows.beat % BEATS_A_BAR == 0)]]
    return float(ours.mean()) if len(ours) else 0.0


def quantiles(distances: NDArray[np.float64]) -> dict[str, float]:
    """The `QUANTILES` of `(n_loops,)` distances, by their percentage: `p5`."""
    found = np.quantile(distances, QUANTILES)
    return {f"p{100 * q:g}": float(x) for q, x in zip(QUANTILES, found, strict=True)}

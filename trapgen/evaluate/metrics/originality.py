"""Share of generated music that occurs in the training data, with held-out loops as baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit import list_windows
from trapgen.core import BEATS_A_BAR, DrumLoop

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def copy_rate(train: Sequence[DrumLoop], loops: Sequence[DrumLoop], n_bars: int) -> float:
    """Share of the loops' windows, one per bar, that occur exactly in train.

    Training windows begin at every beat, and loops are circular; silent windows are skipped. The
    rate of held-out loops is the baseline, what independent loops share anyway (Yin et al. 2022,
    doi 10.1007/s42979-022-01220-y, the originality report).

    Args:
        train: Loops, at least one.
        loops: Loops on the same grid.
        n_bars: Length of the windows; shorter loops have no windows.
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

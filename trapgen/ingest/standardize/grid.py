"""Quantization of ticks to steps, and length of a file in bars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trapgen.core import STEPS_PER_BAR
from trapgen.midi import Strikes

_GRIDS = np.array(STEPS_PER_BAR)[:, None]


def quantize(
    ticks: NDArray[np.int64], ticks_per_quarter: int, steps_per_bar: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Round ticks to the grid, halves up.

    Args:
        ticks: `(n,)` times in ticks.
        ticks_per_quarter: Resolution of `ticks`.
        steps_per_bar: Steps per bar of four quarters.

    Returns:
        `(n,)` steps, and `(n,)` quantization errors, in steps from -0.5 up to 0.5.
    """
    ticks_per_bar = 4 * ticks_per_quarter
    steps = (2 * ticks * steps_per_bar + ticks_per_bar) // (2 * ticks_per_bar)
    offsets = (ticks * steps_per_bar - steps * ticks_per_bar) / ticks_per_bar
    return steps, offsets.astype(np.float32)


def recommend_grid(ticks: NDArray[np.int64], ticks_per_quarter: int) -> int:
    """The coarsest grid that fits strikes about as well as any: 24 for a pack of triplets, say.

    A grid's error is the mean distance of the strikes from it, as a share of the bar; it fits as
    well as the best if it is within a 400th of a bar, about 4 ms at 140 bpm.

    Args:
        ticks: `(n,)` times in ticks.
        ticks_per_quarter: Resolution of `ticks`.

    Returns:
        One of `STEPS_PER_BAR`.
    """
    ticks_per_bar = 4 * ticks_per_quarter
    at = ticks * _GRIDS
    steps = (2 * at + ticks_per_bar) // (2 * ticks_per_bar)
    errors = np.abs(at - steps * ticks_per_bar).sum(axis=1) / len(ticks)
    errors /= _GRIDS[:, 0] * ticks_per_bar
    return STEPS_PER_BAR[int((errors <= errors.min() + 1 / 400).argmax())]


def length_in_bars(strikes: Strikes, last_step: int, steps_per_bar: int) -> int:
    """Length of the loop in whole bars: up to the last strike, or to a file end on a bar line.

    Loop lengths are powers of two: a file of 2 bars whose last strike is in the first, or of 4
    whose last is in the third, ends with a rest. A file that ends where its last strike is
    quantized to is not one bar longer for that strike.
    """
    n_bars = last_step // steps_per_bar + 1
    end = strikes.end_tick / (4 * strikes.ticks_per_quarter)
    whole = round(end)
    if abs(end - whole) * steps_per_bar >= 1 or whole < 1:
        return n_bars
    if n_bars < whole <= 2 * n_bars and whole & (whole - 1) == 0:
        return whole
    return whole if last_step == whole * steps_per_bar else n_bars

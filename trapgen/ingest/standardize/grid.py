"""Quantization of ticks to steps, and length of a file in bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, STEPS_PER_BAR
from trapgen.midi import Strikes

_MOST_SILENT: Final = 64
"""Longest loop in bars that ends in silence for more than half of it."""
_END_TOLERANCE: Final = 32
"""The end of a file is on a bar line if it is within this part of a bar."""
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


@dataclass(frozen=True, slots=True)
class Length:
    """Length of a loop.

    Attributes:
        n_bars: The length in bars.
        is_stated: Whether the file's end is on a bar line, and therefore states it.
        n_dropped: Silent bars up to the file's end that were dropped.
    """

    n_bars: int
    is_stated: bool
    n_dropped: int = 0


def find_length(strikes: Strikes) -> Length:
    """Length of the loop in whole bars: up to the file's end if that is on a bar line.

    An end elsewhere, as that of the last note, states no length: then the last strike decides. One
    just behind a bar line on which the file ends makes it no longer. Silence is kept up to a length
    of 64 bars, or of twice the bars that sound.

    Args:
        strikes: The strikes, at least one.
    """
    ticks_per_bar = BEATS_A_BAR * strikes.ticks_per_quarter
    n_bars = int(strikes.ticks[-1]) // ticks_per_bar + 1
    stated = round(strikes.end_tick / ticks_per_bar)
    if _END_TOLERANCE * abs(strikes.end_tick - stated * ticks_per_bar) >= ticks_per_bar:
        return Length(n_bars, is_stated=False)
    behind = int(strikes.ticks[-1]) - stated * ticks_per_bar
    if stated == n_bars - 1 > 0 and 2 * _END_TOLERANCE * behind < ticks_per_bar:
        return Length(stated, is_stated=True)
    if stated < n_bars:
        return Length(n_bars, is_stated=False)
    if stated > max(_MOST_SILENT, 2 * n_bars):
        return Length(n_bars, is_stated=True, n_dropped=stated - n_bars)
    return Length(stated, is_stated=True)


def wrap_end(
    steps: NDArray[np.int64], voices: NDArray[np.int64], length: Length, steps_per_bar: int
) -> tuple[NDArray[np.bool_], int]:
    """Strikes that are the loop's first beat, played early at its end, and its length in bars.

    A strike just before the loop's end is quantized onto the bar line. It belongs to the first beat
    where the file states its length, or where its voice sounds on the first beat, too: the loop was
    recorded until it began again. Otherwise the strike begins a bar.

    Args:
        steps: `(n,)` sorted steps.
        voices: `(n,)` their voices.
        length: The loop's length.
        steps_per_bar: The grid.

    Returns:
        `(n,)` bool, and the length in bars.
    """
    late = steps >= length.n_bars * steps_per_bar
    if length.is_stated or set(voices[late].tolist()) <= set(voices[steps == 0].tolist()):
        return late, length.n_bars
    return np.zeros_like(late), int(steps[-1]) // steps_per_bar + 1

"""One tempo convention: trap notated at 70 bpm and at 140 bpm is the same music.

Half-time grooves are written either at 70 bpm with the snare on 2 and 4, or at 140 bpm with the
snare on 3. Loops are converted to the latter, so that a bar is equally long in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SNARE
from trapgen.midi import Strikes

_SLOW_BPM: Final = 100.0
_FAST_BPM: Final = 200.0
"""Tempo range: below, a loop may be notated at half its tempo, above, at twice."""
_LONE_SLOW_BPM: Final = 85.0
_LONE_FAST_BPM: Final = 240.0
"""The same for loops without a snare, where only the tempo decides."""
_MIN_SNARES: Final = 2
_MOST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Feel:
    """Conversion of a file's tempo.

    Attributes:
        factor: 2 if the tempo was doubled, 0.5 if it was halved, else 1.
        reason: Short explanation; empty if the tempo is unchanged.
    """

    factor: float = 1.0
    reason: str = ""


def choose_feel(
    ticks: NDArray[np.int64], voices: NDArray[np.int64], ticks_per_quarter: int, bpm: float | None
) -> Feel:
    """Decide whether a loop is notated at half or twice the tempo of its half-time feel.

    Args:
        ticks: `(n,)` times of the strikes.
        voices: `(n,)` their columns in the kit.
        ticks_per_quarter: Resolution of `ticks`.
        bpm: The notated tempo; None if unknown, which changes nothing.
    """
    if bpm is None or _SLOW_BPM < bpm < _FAST_BPM:
        return Feel()
    quarters = ticks[voices == SNARE] / ticks_per_quarter
    if len(quarters) < _MIN_SNARES:
        if bpm <= _LONE_SLOW_BPM:
            return Feel(2.0, f"{bpm:g} bpm without a snare: read as half the tempo")
        if bpm >= _LONE_FAST_BPM:
            return Feel(0.5, f"{bpm:g} bpm without a snare: read as twice the tempo")
        return Feel()
    if bpm <= _SLOW_BPM:
        backbeat = _share_at(quarters, 4, (1, 3))
        if backbeat >= _MOST and backbeat > 2 * _share_at(quarters, 4, (2,)):
            return Feel(2.0, f"{bpm:g} bpm with {backbeat:.0%} of the snares on 2 and 4")
        return Feel()
    second_bar = _share_at(quarters, 8, (4,))
    if second_bar >= _MOST:
        return Feel(0.5, f"{bpm:g} bpm with {second_bar:.0%} of the snares on every second bar's 1")
    return Feel()


def _share_at(quarters: NDArray[np.float64], period: int, beats: tuple[int, ...]) -> float:
    """Share of the times within a 32nd of some beats of a period, in quarters."""
    place = quarters % period
    n_near = sum(np.count_nonzero(np.abs(place - beat) <= 1 / 8) for beat in beats)
    return n_near / len(quarters)


def apply_feel(strikes: Strikes, feel: Feel) -> Strikes:
    """Convert the strikes to the new tempo's quarters."""
    if feel.factor == 1:
        return strikes
    if feel.factor < 1:
        return replace(strikes, ticks_per_quarter=round(strikes.ticks_per_quarter / feel.factor))
    times = round(feel.factor)
    return replace(strikes, ticks=strikes.ticks * times, end_tick=strikes.end_tick * times)

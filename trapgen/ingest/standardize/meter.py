"""Meters whose bars are bars of 4/4 in another notation, and pick-ups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trapgen.core import BEATS_A_BAR, MidiError
from trapgen.midi import Strikes

_COMMON: Final = (4, 4)
_TRIPLETS: Final = (12, 8)
_FEWEST_QUARTERS: Final = 2


@dataclass(frozen=True, slots=True)
class Bars:
    """A file's strikes in bars of 4/4.

    Attributes:
        strikes: The strikes.
        tempo_factor: Beats of 4/4 for each quarter of the file: its tempo changes by this factor.
        notes: What was done, one clause each.
    """

    strikes: Strikes
    tempo_factor: float = 1.0
    notes: tuple[str, ...] = ()


def align_bars(strikes: Strikes, path: Path) -> Bars:
    """Lay a file's bars on bars of 4/4.

    Two bars of 2/4 are a bar of 4/4, a bar of 4/2 is two, and a bar of 12/8 is one in triplets, of
    four beats of three eighths. A shorter bar of any meter before the first is a pick-up: it stands
    at the end of a bar of its own.

    Args:
        strikes: The file's note-ons, at least one.
        path: The file, for messages.

    Raises:
        MidiError: It has another meter.
    """
    meters = _list_meters(strikes)
    bar = BEATS_A_BAR * strikes.ticks_per_quarter
    if all(meter == _TRIPLETS for _, meter in meters):
        return _read_as_triplets(strikes)
    notes: tuple[str, ...] = ()
    if len(meters) > 1 and 0 < meters[1][0] < bar:
        start, (numerator, denominator) = meters[1][0], meters[0][1]
        strikes = strikes.retime(1, delay=bar - start)
        notes = (f"the pick-up of {numerator}/{denominator} stands in a bar of its own",)
        meters = meters[1:]
    ends = [*(tick for tick, _ in meters[1:]), None]
    for (start, (numerator, denominator)), end in zip(meters, ends, strict=True):
        is_half = numerator * 2 == denominator
        is_whole = end is None or not is_half or not (end - start) % bar
        if not is_whole or not _is_like_common(numerator, denominator):
            received, detail = f"{numerator}/{denominator}", "Read are 4/4, 2/4, 4/2 and 12/8."
            raise MidiError(path, "meter", received, detail)
    return Bars(strikes, notes=notes)


def _list_meters(strikes: Strikes) -> list[tuple[int, tuple[int, int]]]:
    """Ticks at which the meter becomes another one, up to the last strike; 4/4 if none is set."""
    last = int(strikes.ticks[-1])
    found = {tick: (top, below) for tick, top, below in strikes.meters if tick <= last}
    meters: list[tuple[int, tuple[int, int]]] = [] if 0 in found else [(0, _COMMON)]
    for tick, meter in found.items():
        if not meters or meters[-1][1] != meter:
            meters.append((tick, meter))
    return meters


def _is_like_common(numerator: int, denominator: int) -> bool:
    """Whether whole bars of a meter fill bars of 4/4, or bars of 4/4 fill one of its."""
    is_power = numerator & (numerator - 1) == 0
    return is_power and BEATS_A_BAR * numerator >= _FEWEST_QUARTERS * denominator


def _read_as_triplets(strikes: Strikes) -> Bars:
    """A beat is three eighths: two thirds as many beats as quarters."""
    doubled = replace(strikes.retime(2), ticks_per_quarter=3 * strikes.ticks_per_quarter)
    return Bars(doubled, 2 / 3, ("12/8 is read as 4/4 in triplets",))

"""Constraints parsed from their text form: `snare@3`, `kick=2-5`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    BEATS_A_BAR,
    CLOSED_HAT,
    HIGH_TOM,
    LOW_TOM,
    MID_TOM,
    N_VOICES,
    OPEN_HAT,
    SNARE,
    VOICES,
    ParameterError,
    SampleParams,
)

HATS: Final = (CLOSED_HAT, OPEN_HAT)
_TOMS: Final = (LOW_TOM, MID_TOM, HIGH_TOM)
_FILL_HITS: Final = 4
"""Minimum hits of snare and toms in the last half of a fill's bar."""

_VOICE_NAMES: Final = tuple(voice.name for voice in VOICES)


@dataclass(frozen=True, eq=False)
class RegionMinimum:
    """Minimum number of hits in a region of a bar.

    Attributes:
        region: `(steps_per_bar, 9)` bool, the same in every bar.
        least: `(n_bars,)` int64, minimum hits in the region; 0 for no minimum.
    """

    region: NDArray[np.bool_]
    least: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Constraint:
    """One constraint: where hits must and may be, and how many per bar.

    Attributes:
        name: The user's text: `require snare@3`.
        must: `(n_steps, 9)` bool, or None for nowhere.
        may: `(n_steps, 9)` bool, or None for everywhere.
        least: `(9,)` minimum hits per bar, or None for 0.
        most: `(9,)` maximum hits per bar, or None for the number of steps.
        choke: Whether open and closed hat never sound together.
        group: A region of a bar with a minimum of hits, or None.
    """

    name: str
    must: NDArray[np.bool_] | None = None
    may: NDArray[np.bool_] | None = None
    least: NDArray[np.int64] | None = None
    most: NDArray[np.int64] | None = None
    choke: bool = False
    group: RegionMinimum | None = None


def require(text: str, n_bars: int, steps_per_bar: int) -> Constraint:
    """`snare@3`: a hit on that beat of every bar; `snare@2:3.5`: only in the second bar.

    Raises:
        ParameterError: The text names no voice, no beat on the grid, or no bar of the loop.
    """
    cells = _find_cells("sample.require", text, n_bars, steps_per_bar)
    return Constraint(f"require {text}", must=cells)


def forbid(text: str, n_bars: int, steps_per_bar: int) -> Constraint:
    """`snare@3` or `snare@2:3.5`: no hit there; `open_hat`: none anywhere.

    Raises:
        ParameterError: As with `require`.
    """
    if "@" in text:
        cells = _find_cells("sample.forbid", text, n_bars, steps_per_bar)
    else:
        cells = np.zeros((n_bars * steps_per_bar, N_VOICES), np.bool_)
        cells[:, find_voice("sample.forbid", text)] = True
    return Constraint(f"forbid {text}", may=~cells)


def limit_density(text: str, steps_per_bar: int) -> Constraint:
    """`kick=2-5`: two to five hits per bar; also `kick=2-`, `kick=-5` and `kick=4`.

    Raises:
        ParameterError: The text names no voice, or no range.
    """
    name, _, stated = text.partition("=")
    voice = find_voice("sample.density", name)
    low, dash, high = stated.partition("-")
    try:
        fewest = int(low or 0) if stated.strip("-") else -1
        most = int(high or steps_per_bar) if dash else fewest
    except ValueError:
        fewest = most = -1
    if not 0 <= fewest <= min(most, steps_per_bar):
        rule = f"VOICE=FEWEST-MOST hits per bar of {steps_per_bar} steps"
        raise ParameterError("sample.density", rule, text)
    least, upper = np.zeros(N_VOICES, np.int64), np.full(N_VOICES, steps_per_bar)
    least[voice], upper[voice] = fewest, most
    return Constraint(f"density {text}", least=least, most=upper)


def lock(voices: Sequence[int], onsets: NDArray[np.bool_]) -> list[Constraint]:
    """Voices sound exactly where `onsets`, `(n_steps, 9)`, has them."""
    constraints = []
    for voice in voices:
        must, may = np.zeros_like(onsets), np.ones_like(onsets)
        must[:, voice] = may[:, voice] = onsets[:, voice]
        constraints.append(Constraint(f"lock {VOICES[voice].name}", must, may))
    return constraints


def ask_for_fills(every: int, n_bars: int, steps_per_bar: int) -> Constraint:
    """A fill of snare and toms in the last half of every `every`-th bar; no toms elsewhere."""
    is_fill = np.arange(1, n_bars + 1) % every == 0
    region = np.zeros((steps_per_bar, N_VOICES), np.bool_)
    region[steps_per_bar // 2 :, [SNARE, *_TOMS]] = True
    may = np.ones((n_bars, steps_per_bar, N_VOICES), np.bool_)
    may[..., _TOMS] = is_fill[:, None, None] & region[:, _TOMS]
    group = RegionMinimum(region, np.where(is_fill, _FILL_HITS, 0))
    return Constraint(f"fills {every}", may=may.reshape(-1, N_VOICES), group=group)


def ask_for_rolls(share: float, roll_bars: NDArray[np.bool_], steps_per_bar: int) -> Constraint:
    """Hat hits between the 16ths in the `(n_bars,)` roll bars, none in the others.

    Raises:
        ParameterError: The grid has no steps between the 16ths.
    """
    region = np.zeros((steps_per_bar, N_VOICES), np.bool_)
    region[:, HATS] = (np.arange(steps_per_bar) * 16 % steps_per_bar > 0)[:, None]
    if share and not region.any():
        rule = f"0 at {steps_per_bar} steps per bar, where no step lies between the 16ths"
        raise ParameterError("sample.rolls", rule, share)
    may = (roll_bars[:, None, None] | ~region).reshape(-1, N_VOICES)
    group = RegionMinimum(region, roll_bars.astype(np.int64))
    return Constraint(f"rolls {share:g}", may=may, group=group)


def find_voice(parameter: str, name: str) -> int:
    """Index of the voice with a name such as `closed_hat` or `closed-hat`.

    Raises:
        ParameterError: No voice has this name.
    """
    plain = name.strip().replace("-", "_")
    if plain not in _VOICE_NAMES:
        raise ParameterError(parameter, f"for one of {', '.join(_VOICE_NAMES)}", name)
    return _VOICE_NAMES.index(plain)


def read_temperatures(texts: Sequence[str], temperature: float) -> tuple[float, ...]:
    """One temperature per voice, from texts such as `closed_hat=1.2`; empty if there are none.

    Raises:
        ParameterError: A text names no voice, or no temperature.
    """
    if not texts:
        return ()
    temperatures = [temperature] * N_VOICES
    for text in texts:
        name, _, stated = text.partition("=")
        try:
            value = float(stated)
            SampleParams(temperature=value)
        except ValueError:
            rule = "VOICE=TEMPERATURE, from 0.000001 to 1,000"
            raise ParameterError("sample.voice_temperatures", rule, text) from None
        temperatures[find_voice("sample.voice_temperatures", name)] = value
    return tuple(temperatures)


def _find_cells(parameter: str, text: str, n_bars: int, steps_per_bar: int) -> NDArray[np.bool_]:
    name, _, place = text.partition("@")
    voice = find_voice(parameter, name)
    bar, _, beat = place.rpartition(":")
    try:
        step = (float(beat) - 1) * (steps_per_bar // BEATS_A_BAR)
        bars = [int(bar) - 1] if bar else list(range(n_bars))
    except ValueError:
        raise ParameterError(parameter, "VOICE@BEAT or VOICE@BAR:BEAT", text) from None
    if not (0 <= step < steps_per_bar and abs(step - round(step)) < 1e-3):
        rule = f"on a beat from 1 up to 5, in steps of {BEATS_A_BAR / steps_per_bar:.4g}"
        raise ParameterError(parameter, rule, text)
    if not 0 <= min(bars) <= max(bars) < n_bars:
        raise ParameterError(parameter, f"in a bar from 1 to {n_bars}", text)
    cells = np.zeros((n_bars, steps_per_bar, N_VOICES), np.bool_)
    cells[bars, round(step), voice] = True
    return cells.reshape(-1, N_VOICES)

"""The single part that a file plays, kick, snare or hat, by its name or its rhythm.

Rhythm rules are those of trap and related styles: a snare part marks beats 2 and 4, or beat 3, in
every bar and leaves beat 1 out; a hat part is dense with many velocities; a kick part starts the
bar and is sparse. A file that meets no rule, or several, is left open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import CLOSED_HAT, FULL, KEY_MAPS, KICK, SNARE, KeyMap, Role, role_of_name
from trapgen.midi import DRUM_CHANNEL, Strikes

_MIN_BARS: Final = 2
_MIN_STRIKES: Final = 8
_MAX_PITCHES: Final = 4
_SNARE_MAX_RATE: Final = 9.0
_HAT_MIN_RATE: Final = 12.0
_HAT_MIN_VELOCITIES: Final = 8
_KICK_MAX_RATE: Final = 8.0
_KICK_MAX_VELOCITIES: Final = 4


def find_role(
    path: Path, strikes: Strikes, settled: KeyMap | Role | None
) -> tuple[Role, str, float]:
    """Role of a file, what determined it, and its confidence from 0 to 1.

    A voice settled in `keymaps.csv` applies. Otherwise a role in the file's name is certain;
    without one, the rhythm decides (see `detect_role`); else the file is full, with certainty and
    no evidence. A name is overruled by a whole kit on the drum channel. The pitches of a file on
    that channel determine its voices, and a file with a settled key map is read through it.

    Args:
        path: The file.
        strikes: Its note-ons, at least one.
        settled: Its entry in `keymaps.csv` (`find_settled`).

    Returns:
        The role; `settled`, `name`, `rhythm` or nothing; the confidence.
    """
    if isinstance(settled, Role):
        return settled, "settled", 1.0
    on_drums = strikes.channels == DRUM_CHANNEL
    named = role_of_name(path.stem)
    if named is not None:
        # `Ride the lightning.mid`
        is_kit = named.voice is not None and on_drums.all() and _has_kit(strikes)
        return FULL if is_kit else named, "name", 1.0
    is_open = not on_drums.any() and not _has_kit(strikes)
    if is_open and settled is None:
        heard, confidence = detect_role(strikes, path.stem)
        if heard is not None:
            return heard, "rhythm", confidence
    return FULL, "", 1.0


def _has_kit(strikes: Strikes) -> bool:
    """Whether the General MIDI reading has kick, snare and another voice."""
    voices = KEY_MAPS["gm"].voices
    return {KICK, SNARE} < {voices.get(pitch) for pitch in set(strikes.pitches.tolist())}


def detect_role(strikes: Strikes, stem: str = "") -> tuple[Role | None, float]:
    """The part that a file plays and its confidence, from 0 to 1; None where it is open.

    A role word in the file's name decides with certainty. Otherwise the confidence is the smallest
    margin over the rules, from 0.5 at a rule's limit to 1.

    Args:
        strikes: The file's note-ons.
        stem: The file's name without its extension.
    """
    if (named := role_of_name(stem)) is not None:
        return named, 1.0
    if len(strikes) < _MIN_STRIKES:
        return None, 0.0
    quarters = strikes.ticks / strikes.ticks_per_quarter
    sixteenths = np.floor(quarters * 4 + 0.5).astype(np.int64)
    bars, places = sixteenths // 16, sixteenths % 16
    n_bars = int(bars[-1]) + 1
    kinds, counts = np.unique(strikes.pitches, return_counts=True)
    # A part has most notes on one instrument; a kit distributes them.
    if n_bars < _MIN_BARS or len(kinds) > _MAX_PITCHES or counts.max() < 0.8 * len(strikes):
        return None, 0.0
    rate = len(strikes) / n_bars
    n_velocities = len(np.unique(strikes.velocities))

    def met(place: int) -> float:
        return len(np.unique(bars[places == place])) / n_bars

    backbeat = max(min(met(4), met(12)), met(8) if met(4) + met(12) == 0 else 0.0)
    margins = {
        Role("snare", SNARE): (
            _above(backbeat, 0.9, 1.0),
            _above(-met(0), -0.3, 0.0),
            _above(-rate, -_SNARE_MAX_RATE, 0.0),
        ),
        Role("hat", CLOSED_HAT): (
            _above(rate, _HAT_MIN_RATE, 2 * _HAT_MIN_RATE),
            _above(n_velocities, _HAT_MIN_VELOCITIES, 2 * _HAT_MIN_VELOCITIES),
        ),
        Role("kick", KICK): (
            _above(met(0), 0.9, 1.0),
            _above(-rate, -_KICK_MAX_RATE, 0.0),
            _above(-n_velocities, -_KICK_MAX_VELOCITIES, 0.0),
            _above(-min(met(4), met(12)), -0.5, 0.0),
        ),
    }
    fitting = [(min(margin), role) for role, margin in margins.items() if min(margin) > 0]
    if len(fitting) != 1:
        return None, 0.0
    confidence, role = fitting[0]
    return role, confidence


def _above(value: float, limit: float, certain: float) -> float:
    """0 below the limit, 0.5 at it, 1 from the value where the rule is certain."""
    return 0.0 if value < limit else min(1.0, 0.5 + 0.5 * (value - limit) / (certain - limit))

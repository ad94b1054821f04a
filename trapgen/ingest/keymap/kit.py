"""Whether strikes are a whole kit, whatever the names of file, folder and tracks say."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import KEY_MAPS, KICK, SNARE
from trapgen.ingest.keymap.rhythm_features import TOGETHER_QUARTERS
from trapgen.midi import DRUM_CHANNEL, Strikes

OCTAVES: Final = (-36, -24, -12, 12, 24, 36)
"""Distances at which programs that count octaves differently write a kit."""


def is_kit(strikes: Strikes) -> bool:
    """Whether General MIDI gives kick, snare and another voice that sound like a kit.

    On the drum channel the keys suffice. Elsewhere two voices sound at once, and not in octaves,
    as a doubled bass line does; or kick and snare have their beats.

    Args:
        strikes: At least one strike.
    """
    voices = KEY_MAPS["gm"].column_of[strikes.pitches]
    if not has_kit(voices):
        return False
    on_drums = bool((strikes.channels == DRUM_CHANNEL).all())
    return on_drums or _sounds_at_once(strikes, voices) or _has_beats(strikes, voices)


def is_moved_kit(strikes: Strikes) -> bool:
    """Whether the strikes sound like a kit of General MIDI some octaves away."""
    column_of = KEY_MAPS["gm"].column_of
    for octave in OCTAVES:
        keys = strikes.pitches.astype(np.int64) + octave
        voices = np.where((keys >= 0) & (keys < 128), column_of[keys % 128], -1)
        if has_kit(voices) and _sounds_at_once(strikes, voices) and _has_beats(strikes, voices):
            return True
    return False


def has_kit(voices: NDArray[np.int64]) -> bool:
    """Whether voices `(n,)`, -1 for none, are kick, snare and at least one more."""
    return {KICK, SNARE} < set(voices.tolist()) - {-1}


def _sounds_at_once(strikes: Strikes, voices: NDArray[np.int64]) -> bool:
    quarters = strikes.ticks / strikes.ticks_per_quarter
    keys = strikes.pitches.astype(np.int64)
    near = np.diff(quarters) < TOGETHER_QUARTERS
    others = (np.diff(voices) != 0) & (np.diff(keys) % 12 != 0) & (voices[1:] >= 0)
    return bool((near & others & (voices[:-1] >= 0)).any())


def _has_beats(strikes: Strikes, voices: NDArray[np.int64]) -> bool:
    """Whether the snare marks beats 2 and 4, or 3, of most bars, and a kick begins most."""
    kick, snare = (_find_places(strikes, voices == voice) for voice in (KICK, SNARE))
    n_bars = int(strikes.ticks[-1]) // (4 * strikes.ticks_per_quarter) + 1

    def met(places: NDArray[np.int64], beat: int) -> float:
        return np.count_nonzero(np.unique(places) % 4 == beat) / n_bars

    backbeat = max(min(met(snare, 1), met(snare, 3)), met(snare, 2))
    return backbeat >= 0.75 and met(kick, 0) >= 0.5 and met(snare, 0) <= 0.25


def _find_places(strikes: Strikes, mine: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Beats from the start of the file that some strikes are on, to the nearest 32nd."""
    quarters = strikes.ticks[mine] / strikes.ticks_per_quarter
    beats = np.floor(quarters + 0.5)
    found: NDArray[np.int64] = beats[np.abs(quarters - beats) <= 1 / 8].astype(np.int64)
    return found

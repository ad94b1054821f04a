"""Whether strikes are a whole kit, whatever the names of file, folder and tracks say."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import KEY_MAPS, KICK, SNARE
from trapgen.ingest.keymap.rhythm_features import TOGETHER_QUARTERS
from trapgen.midi import DRUM_CHANNEL, Strikes

_OCTAVES: Final = (-36, -24, -12, 12, 24, 36, 48)
"""How far a kit may lie from General MIDI's keys: programs count octaves differently."""
_USUAL_KEYS: Final = ({35, 36}, {37, 38, 39, 40}, {42, 44, 46, 51})
"""Keys of kick, snare, and hat or ride that show such a kit."""
_AMONG_PERCUSSION: Final = 24
"""There the usual keys are those of bongos, congas and shakers."""


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
    on_drums = bool((strikes.channels == DRUM_CHANNEL).any())
    return on_drums or sounds_at_once(strikes, voices) or _has_beats(strikes, voices)


def is_moved_kit(strikes: Strikes) -> bool:
    """Whether the strikes may be a kit of General MIDI some octaves away.

    The usual keys are there, and two of them sound at once; where they may be percussion of General
    MIDI, too, the three most usual are there, or kick and snare have their beats.
    """
    for octave in _OCTAVES:
        keys = strikes.pitches.astype(np.int64) - octave
        pitches = set(keys.tolist())
        if all(pitches & usual for usual in _USUAL_KEYS):
            voices = KEY_MAPS["gm"].column_of[np.clip(keys, 0, 127)]
            is_clear = octave != _AMONG_PERCUSSION or {36, 38, 42} <= pitches
            is_clear = is_clear or _has_beats(strikes, voices)
            if is_clear and sounds_at_once(strikes, voices):
                return True
    return False


def has_kit(voices: NDArray[np.int64]) -> bool:
    """Whether voices `(n,)`, -1 for none, are kick, snare and at least one more."""
    return {KICK, SNARE} < set(voices.tolist()) - {-1}


def sounds_at_once(strikes: Strikes, voices: NDArray[np.int64]) -> bool:
    """Whether two voices are ever struck at once, on keys that are no octave apart."""
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

"""The ways to read a file through key maps: implied by its channel, or inferred from rhythm."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import KEY_MAPS, KICK, SNARE, KeyMap
from trapgen.ingest.keymap.detect import Reading, rank_key_maps
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.kit import sounds_at_once
from trapgen.ingest.keymap.readings import TIME_KEEPERS
from trapgen.midi import DRUM_CHANNEL, Strikes

_MAPS: Final = tuple(KEY_MAPS.values())
_IS_KNOWN: Final = np.array([table.column_of >= 0 for table in _MAPS], np.int64)
_SECOND_KIT: Final = re.compile(r"(?<![a-z])(drums?|percussion|kit)(?![a-z])", re.IGNORECASE)
_GENERAL_MIDI: Final = frozenset({"gm", "gm2", "roland_td11"})
_LEAST_FIT: Final = -0.5
_IN_DOUBT: Final = 0.5


def drums_of(strikes: Strikes) -> NDArray[np.bool_]:
    """`(n,)` mask of drum strikes: those on the drum channel, or all if it is silent.

    Beside the drum channel, a track on another one is a second kit if its name says so and all its
    keys are drums of General MIDI.
    """
    on_drums: NDArray[np.bool_] = strikes.channels == DRUM_CHANNEL
    # With other instruments only the drum channel counts; many packs do not use it.
    if not on_drums.any():
        return np.ones(len(strikes), bool)
    for track, name in enumerate(strikes.track_names):
        if name and _SECOND_KIT.search(name):
            is_its = strikes.tracks == track
            if (KEY_MAPS["gm"].column_of[strikes.pitches[is_its]] >= 0).all():
                on_drums |= is_its
    return on_drums


def most_known_map(pitches: NDArray[np.uint8]) -> KeyMap:
    """The key map that knows the largest share of the strikes.

    The first of `KEY_MAPS` wins a tie: General MIDI, if it is among them.
    """
    return _MAPS[int((_IS_KNOWN @ np.bincount(pitches, minlength=128)).argmax())]


def choose_readings(drums: Strikes, stem: str, *, is_part: bool = False) -> list[Reading]:
    """Ways to read a file, the chosen one first; only one if its key map is certain.

    A file on the drum channel is General MIDI, unless a map of another family knows more of its
    notes. Otherwise the rhythm decides; where it leaves doubt, and General MIDI gives a whole kit,
    the file is read so.

    Args:
        drums: Its drums (`drums_of`), at least one strike.
        stem: The file's name without its extension.
        is_part: Whether the file is known to be a part of a kit, such as its hats.

    Returns:
        The readings. Each confidence is the probability of the reading, times the share of the
        strikes that have a voice, and halved for each sign that it is no kit: without kick or
        snare; off the drum channel, with only one of them and no two drums at once; with rhythms
        that the voices rarely have.
    """
    if (drums.channels == DRUM_CHANNEL).any():
        table = most_known_map(drums.pitches)
        if table.name in _GENERAL_MIDI:
            return [_weigh(Reading((table,), 1.0), drums, is_part)]
    readings = [_weigh(reading, drums, is_part) for reading in rank_key_maps(drums, stem)]
    readings.sort(key=lambda reading: -reading.confidence)
    if readings[0].confidence < sure_from():
        readings.sort(key=lambda reading: not _is_common(reading, drums))
    return readings


def _weigh(reading: Reading, drums: Strikes, is_part: bool) -> Reading:
    voices = reading.key_maps[0].column_of[drums.pitches]
    share = float(np.mean(voices >= 0))
    n_signs = int(reading.fit < _LEAST_FIT)
    if not is_part:
        n_found = len({KICK, SNARE}.intersection(voices.tolist()))
        on_drums = bool((drums.channels == DRUM_CHANNEL).any())
        is_line = n_found == 1 and not on_drums and not sounds_at_once(drums, voices)
        n_signs += n_found == 0 or is_line
    return replace(reading, confidence=reading.confidence * share * _IN_DOUBT**n_signs)


def _is_common(reading: Reading, drums: Strikes) -> bool:
    """Whether General MIDI reads it so, and gives a whole kit."""
    gm = KEY_MAPS["gm"]
    voices = set(gm.column_of[drums.pitches].tolist())
    return gm in reading.key_maps and {KICK, SNARE} <= voices and bool(voices & TIME_KEEPERS)

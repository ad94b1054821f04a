"""Voices by track: step sequencers export a track a drum, named after it, all on one key."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trapgen.core import FULL, KEY_MAPS, KeyMap, Role, role_of_name
from trapgen.ingest.keymap.kit import is_kit
from trapgen.ingest.keymap.settled import ROLE_NAMES, Settled
from trapgen.midi import DRUM_CHANNEL, Strikes


def read_tracks(
    strikes: Strikes, settled: Settled | None, *, by_name: bool
) -> tuple[NDArray[np.int64], str] | None:
    """Voices of a file whose tracks are one drum each, by their names or as settled.

    Unless the user settled a track, the names of two tracks must state different voices, and
    neither a track nor the drum channel may hold a whole kit. Other tracks are read as settled for
    the file; on the drum channel through General MIDI; else they have no voice.

    Args:
        strikes: The file's note-ons, at least one.
        settled: The user's answers; those for tracks outweigh names.
        by_name: Whether names count.

    Returns:
        The voices `(n_strikes,)` int64, -1 for none, and the name of the file's role; or None if
        it is not such a file.
    """
    answers = settled.tracks if settled else {}
    named = _find_names(strikes) if by_name else {}
    decided = {**named, **answers}
    if not answers and len({role.voice for role in named.values()}) < 2:
        return None
    general = KEY_MAPS["gm"].column_of[strikes.pitches]
    rest = np.where(strikes.channels == DRUM_CHANNEL, general, -1)
    if settled and settled.whole:
        rest = _read(settled.whole, strikes)
    # A hat on the keys of closed and open hat is both, unless all drums are on one key.
    with_keys = len(set(strikes.pitches.tolist())) > 1
    role_of_key = np.array([*ROLE_NAMES, ""])[general]
    voices = rest
    for number, answer in decided.items():
        found = _read(answer, strikes)
        if number in named and number not in answers and with_keys:
            found = np.where(role_of_key == named[number].name, general, found)
        voices = np.where(strikes.tracks == number, found, voices)
    roles = {ROLE_NAMES[voice] for voice in set(voices.tolist()) if voice >= 0}
    return voices, roles.pop() if len(roles) == 1 else FULL.name


def _find_names(strikes: Strikes) -> Mapping[int, Role]:
    """The role that each track's name states; none if a part of the file is a whole kit."""
    on_drums = strikes.channels == DRUM_CHANNEL
    if on_drums.any() and is_kit(strikes.select(on_drums)):
        return {}
    found = {}
    for number in np.unique(strikes.tracks).tolist():
        role = role_of_name(strikes.track_names[number])
        if role is not None and role.voice is not None:
            if is_kit(strikes.select(strikes.tracks == number)):
                return {}
            found[number] = role
    return found


def _read(answer: KeyMap | Role, strikes: Strikes) -> NDArray[np.int64]:
    if isinstance(answer, KeyMap):
        return answer.column_of[strikes.pitches]
    return np.full(len(strikes), -1 if answer.voice is None else answer.voice, np.int64)

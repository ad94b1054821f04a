"""Pitches to voices: by the file's name, or through a key map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import MidiError
from trapgen.keymap import choose_readings, detect_role, drums_of
from trapgen.kit import FULL, KEY_MAPS, KICK, SNARE, Role, key_map, role_of_name
from trapgen.midi import DRUM_CHANNEL, Strikes
from trapgen.params import StandardizeParams


def map_voices(
    path: Path, strikes: Strikes, role: Role, params: StandardizeParams
) -> tuple[NDArray[np.bool_], NDArray[np.int64], str, float]:
    """Which strikes stay `(n,)`, their voices `(n_kept,)`, the key map's name and confidence.

    The confidence is the share of the strikes that the map knows, times the probability that it is
    the right one where it was detected; a file below `trapgen.keymap.SURE` is read through the
    likeliest map all the same, and asks for review.

    Raises:
        MidiError: The map knows none of the pitches.
        TableError: A `keymaps.csv` beside the file or above it breaks its form.
    """
    if role.voice is not None:
        n_strikes = len(strikes)
        return np.ones(n_strikes, bool), np.full(n_strikes, role.voice, np.int64), "name", 1.0
    heard = drums_of(strikes)
    if params.key_map == "auto":
        best = choose_readings(path, strikes)[0]
        table, certainty = best.key_maps[0], best.confidence
    else:
        table, certainty = key_map(params.key_map), 1.0
    voice_of_pitch = np.full(128, -1, np.int64)
    voice_of_pitch[list(table.voices)] = list(table.voices.values())
    voices = voice_of_pitch[strikes.pitches]
    kept = heard & (voices >= 0)
    if not kept.any():
        received = sorted(set(strikes.pitches[heard].tolist()))
        raise MidiError(
            path, "no_drums", f"pitches {received}", f"None is in the key map {table.name}."
        )
    return kept, voices[kept], table.name, certainty * float(kept.sum() / heard.sum())


def find_role(path: Path, strikes: Strikes) -> Role:
    """The role that a file's name says, or its rhythm where the name says nothing; else full.

    A name is not believed against a whole kit on the drum channel, and a file on that channel says
    by its pitches what it plays.
    """
    named = role_of_name(path.stem)
    has_kit = {KICK, SNARE} < {KEY_MAPS["gm"].voices.get(p) for p in set(strikes.pitches.tolist())}
    on_drums = strikes.channels == DRUM_CHANNEL
    if named is not None:
        # `Ride the lightning.mid`
        return FULL if named.voice is not None and has_kit and on_drums.all() else named
    if has_kit or on_drums.any():
        return FULL
    heard, _ = detect_role(strikes, path.stem)
    return heard or FULL

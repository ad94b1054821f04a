"""Pitches to voices: by the file's name, or through a key map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import MidiError
from trapgen.keymap import choose_readings, drums_of, most_known_map
from trapgen.kit import KEY_MAPS, KICK, SNARE, Role, key_map
from trapgen.midi import DRUM_CHANNEL, Strikes
from trapgen.params import StandardizeParams

# By the pitches alone; `trapgen.keymap.detect_key_map` hears the rhythm too.
detect_key_map = most_known_map


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


def plays_a_kit(strikes: Strikes) -> bool:
    """Whether the notes are a whole kit's, whatever the name says (`Ride the lightning.mid`)."""
    voices = {KEY_MAPS["gm"].voices.get(pitch) for pitch in strikes.pitches.tolist()}
    return bool((strikes.channels == DRUM_CHANNEL).all()) and {KICK, SNARE} < voices

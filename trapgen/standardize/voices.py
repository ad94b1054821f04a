"""Pitches to voices: by the file's name, or through a key map."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import MidiError
from trapgen.kit import KEY_MAPS, KICK, SNARE, KeyMap, Role, key_map
from trapgen.midi import DRUM_CHANNEL, Strikes
from trapgen.params import StandardizeParams


def detect_key_map(pitches: NDArray[np.uint8]) -> tuple[KeyMap, float]:
    """The key map that knows the largest share of the strikes, and that share.

    General MIDI wins a tie: the other maps extend it.
    """
    found = Counter(pitches.tolist())
    shares = {
        name: sum(count for pitch, count in found.items() if pitch in table.voices) / len(pitches)
        for name, table in KEY_MAPS.items()
    }
    best = max(shares, key=lambda name: (shares[name], name == "gm"))
    return KEY_MAPS[best], shares[best]


def map_voices(
    path: Path, strikes: Strikes, role: Role, params: StandardizeParams
) -> tuple[NDArray[np.bool_], NDArray[np.int64], str, float]:
    """Which strikes stay `(n,)`, their voices `(n_kept,)`, the key map's name and confidence."""
    if role.voice is not None:
        n_strikes = len(strikes)
        return np.ones(n_strikes, bool), np.full(n_strikes, role.voice, np.int64), "name", 1.0
    on_drums = strikes.channels == DRUM_CHANNEL
    # In a file with other instruments only the drum channel counts; many packs use none.
    heard = on_drums if on_drums.any() else np.ones(len(strikes), bool)
    if params.key_map == "auto":
        table, _ = detect_key_map(strikes.pitches[heard])
    else:
        table = key_map(params.key_map)
    voice_of_pitch = np.full(128, -1, np.int64)
    voice_of_pitch[list(table.voices)] = list(table.voices.values())
    voices = voice_of_pitch[strikes.pitches]
    kept = heard & (voices >= 0)
    if not kept.any():
        received = sorted(set(strikes.pitches[heard].tolist()))
        raise MidiError(
            path, "no_drums", f"pitches {received}", f"None is in the key map {table.name}."
        )
    return kept, voices[kept], table.name, float(kept.sum() / heard.sum())


def plays_a_kit(strikes: Strikes) -> bool:
    """Whether the notes are a whole kit's, whatever the name says (`Ride the lightning.mid`)."""
    voices = {KEY_MAPS["gm"].voices.get(pitch) for pitch in strikes.pitches.tolist()}
    return bool((strikes.channels == DRUM_CHANNEL).all()) and {KICK, SNARE} < voices

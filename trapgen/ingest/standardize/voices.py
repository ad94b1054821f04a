"""Voices of pitches: by the file's name or rhythm, or through a key map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.core import FULL, MidiError, StandardizeParams, key_map
from trapgen.ingest.keymap.choose import choose_readings, drums_of, find_settled
from trapgen.ingest.keymap.role import find_role
from trapgen.midi import Strikes


@dataclass(frozen=True, slots=True)
class Played:
    """Voices of a file's strikes.

    Attributes:
        strikes: The strikes that have a voice, at least one.
        voices: `(n_strikes,)` int64, their columns in the kit.
        role: Name of the file's role.
        key_map: Name of the key map, or `name`, `rhythm` or `settled`: what decided the voice.
        confidence: Confidence from 0 to 1 (see `map_voices`).
    """

    strikes: Strikes
    voices: NDArray[np.int64]
    role: str
    key_map: str
    confidence: float


def map_voices(path: Path, strikes: Strikes, params: StandardizeParams) -> Played:
    """Assign a voice to each strike; strikes without one are dropped.

    The confidence is 1 for a role in the name, and the margin of its rule for a role inferred from
    the rhythm. For a key map it is the share of the strikes that the map knows, times the
    probability of the map if it was detected; a file below `trapgen.ingest.keymap.sure_from` is
    still read through the likeliest map, but needs review.

    Args:
        path: The file.
        strikes: Its note-ons, at least one.
        params: The key map, and whether names count if it is detected; a named key map reads all
            files, whatever their names.

    Raises:
        MidiError: The map knows none of the pitches.
        TableError: A `keymaps.csv` in a folder above the file is malformed.
    """
    role, known_by, certainty = FULL, "", 1.0
    settled = find_settled(path) if params.key_map == "auto" else None
    if params.by_name and params.key_map == "auto":
        role, known_by, certainty = find_role(path, strikes, settled)
    if role.voice is not None:
        voices = np.full(len(strikes), role.voice, np.int64)
        return Played(strikes, voices, role.name, known_by, certainty)
    drums = strikes.select(drums_of(strikes))
    if params.key_map == "auto":
        best = choose_readings(path, drums, settled)[0]
        table, certainty = best.key_maps[0], best.confidence
    else:
        table, certainty = key_map(params.key_map), 1.0
    voices = table.column_of[drums.pitches]
    kept = voices >= 0
    n_kept = np.count_nonzero(kept)
    if not n_kept:
        received = sorted(set(drums.pitches.tolist()))
        raise MidiError(
            path, "no_drums", f"pitches {received}", f"None is in the key map {table.name}."
        )
    confidence = certainty * (n_kept / len(drums))
    return Played(drums.select(kept), voices[kept], role.name, table.name, confidence)

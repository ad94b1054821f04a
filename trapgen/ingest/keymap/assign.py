"""The voice of each strike of a file: settled, or by a name, the rhythm or a key map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.core import FULL, KeyMap, Role, StandardizeParams, key_map
from trapgen.ingest.keymap.choose import choose_readings, drums_of
from trapgen.ingest.keymap.detect import Reading
from trapgen.ingest.keymap.role import find_role
from trapgen.ingest.keymap.settled import find_settled
from trapgen.ingest.keymap.tracks import read_tracks
from trapgen.midi import Strikes


@dataclass(frozen=True, slots=True)
class Assignment:
    """Voices of a file's strikes.

    Attributes:
        voices: `(n_strikes,)` int64, their columns in the kit; -1 for strikes that are dropped.
        role: Name of the file's role.
        key_map: Name of the key map; or what else decided the voices (`trapgen.core.READ_BY`).
        confidence: From 0 to 1; below `trapgen.ingest.keymap.sure_from` the file is in doubt.
        readings: Ways to read it through key maps, the chosen one first; empty where none is.
    """

    voices: NDArray[np.int64]
    role: str
    key_map: str
    confidence: float
    readings: tuple[Reading, ...] = ()


def assign_voices(
    path: Path, strikes: Strikes, params: StandardizeParams, root: Path | None = None
) -> Assignment:
    """Assign a voice to each strike that has one.

    A key map that is named reads all files. Otherwise what is settled applies; then a role that
    the names of tracks, file or folder state, unless the file is a whole kit; then the rhythm of a
    single part; then a key map.

    The confidence is 1 for what is settled. For a role it is that of `find_role`; for a key map,
    that of `choose_readings`; for a key map that is named and for tracks read by their names, the
    share of the strikes that have a voice.

    Args:
        path: The file.
        strikes: Its note-ons, at least one.
        params: The key map, and whether names and rhythm count if it is detected.
        root: The folder read, whose parts below it may name roles; by default the file's own.

    Raises:
        TableError: A `keymaps.csv` is malformed.
    """
    if params.key_map != "auto":
        table = key_map(params.key_map)
        voices = _read(table, strikes)
        return Assignment(voices, FULL.name, table.name, float(np.mean(voices >= 0)))
    settled = find_settled(path, root)
    if settled is not None and settled.whole is not None and not settled.tracks:
        return _apply(settled.whole, strikes)
    if settled is not None or params.by_name:
        found = read_tracks(strikes, settled, by_name=params.by_name)
        if found is not None:
            voices, of_tracks = found
            share = float(np.mean(voices >= 0))
            known_by, certainty = ("settled", 1.0) if settled else ("tracks", share)
            return Assignment(voices, of_tracks, known_by, certainty)
    role = FULL
    if params.by_name:
        role, known_by, certainty = find_role(path, strikes, root)
        if role.voice is not None:
            voices = np.full(len(strikes), role.voice, np.int64)
            return Assignment(voices, role.name, known_by, certainty)
    drums = strikes.select(drums_of(strikes))
    readings = choose_readings(drums, path.stem, is_part=role != FULL)
    table = readings[0].key_maps[0]
    confidence = readings[0].confidence
    return Assignment(_read(table, strikes), role.name, table.name, confidence, tuple(readings))


def _apply(answer: KeyMap | Role, strikes: Strikes) -> Assignment:
    if isinstance(answer, KeyMap):
        return Assignment(_read(answer, strikes), FULL.name, answer.name, 1.0)
    voices = np.full(len(strikes), answer.voice, np.int64)
    return Assignment(voices, answer.name, "settled", 1.0)


def _read(table: KeyMap, strikes: Strikes) -> NDArray[np.int64]:
    return np.where(drums_of(strikes), table.column_of[strikes.pitches], -1)

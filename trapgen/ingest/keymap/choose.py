"""The key map of one file: settled by the user, implied by its channel, or inferred from rhythm."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    CLOSED_HAT,
    KEY_MAPS,
    KICK,
    OPEN_HAT,
    RIDE,
    SNARE,
    VOICES,
    KeyMap,
    ParameterError,
    Role,
    TableError,
    replacing,
)
from trapgen.ingest.keymap.detect import Reading, rank_key_maps
from trapgen.midi import DRUM_CHANNEL, Strikes

SETTLED: Final = "keymaps.csv"
"""The file in a pack with the user's answers: path in the pack; key map or voice."""

_MAPS: Final = tuple(KEY_MAPS.values())
_IS_KNOWN: Final = np.array([table.column_of >= 0 for table in _MAPS], np.int64)
_COLUMNS: Final = ["path", "key_map"]
_GENERAL_MIDI: Final = frozenset({"gm", "gm2", "roland_td11"})
_ROLE_OF_VOICE: Final = {
    KICK: "kick",
    SNARE: "snare",
    CLOSED_HAT: "hat",
    OPEN_HAT: "hat",
    RIDE: "hat",
}
_ROLES: Final = {
    voice.name: Role(_ROLE_OF_VOICE.get(column, "perc"), column)
    for column, voice in enumerate(VOICES)
}


def drums_of(strikes: Strikes) -> NDArray[np.bool_]:
    """`(n,)` mask of drum strikes: those on the drum channel, or all if it is silent."""
    on_drums = strikes.channels == DRUM_CHANNEL
    # With other instruments only the drum channel counts; many packs do not use it.
    return on_drums if on_drums.any() else np.ones(len(strikes), bool)


def most_known_map(pitches: NDArray[np.uint8]) -> tuple[KeyMap, float]:
    """The key map that knows the largest share of the strikes, and that share.

    The first of `KEY_MAPS` wins a tie: General MIDI, if it is among them.
    """
    n_known = _IS_KNOWN @ np.bincount(pitches, minlength=128)
    best = int(n_known.argmax())
    return _MAPS[best], int(n_known[best]) / len(pitches)


def choose_readings(path: Path, drums: Strikes, settled: KeyMap | Role | None) -> list[Reading]:
    """Ways to read a file, likeliest first; only one if its key map is settled or certain.

    A settled key map applies. Otherwise a file on the drum channel is General MIDI, unless a map
    of another family knows more of its notes. Otherwise the rhythm decides.

    Args:
        path: The file.
        drums: Its drums (`drums_of`), at least one strike.
        settled: Its entry in `keymaps.csv` (`find_settled`).
    """
    if isinstance(settled, KeyMap):
        return [Reading((settled,), 1.0)]
    if int(drums.channels[0]) == DRUM_CHANNEL:
        table, _ = most_known_map(drums.pitches)
        if table.name in _GENERAL_MIDI:
            return [Reading((table,), 1.0)]
    return rank_key_maps(drums, path.stem)


def reading_of_name(name: str) -> KeyMap | Role:
    """Meaning of an answer in `keymaps.csv`: a key map, or the one voice that the file plays.

    Raises:
        ParameterError: It is neither.
    """
    if (found := KEY_MAPS.get(name) or _ROLES.get(name)) is None:
        raise ParameterError("key_map", f"one of {', '.join([*KEY_MAPS, *_ROLES])}", name)
    return found


def read_settled(pack: Path) -> dict[str, str]:
    """Answers in a folder's `keymaps.csv`: names of key maps or voices by path in the folder.

    Empty without the file.

    Raises:
        TableError: Its columns are not `path` and `key_map`, or it contains an unknown name.
    """
    path = pack / SETTLED
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, "not_a_table", error, "It is CSV in UTF-8.") from error
    if not rows or rows[0] != _COLUMNS or any(len(row) != 2 for row in rows):
        received = rows[0] if rows else "an empty file"
        raise TableError(path, "columns", received, "It has the columns path and key_map.")
    for _, name in rows[1:]:
        try:
            reading_of_name(name)
        except ParameterError as error:
            raise TableError(path, "key_map", name, f"It is {error.rule}.") from error
    return dict(rows[1:])


def write_settled(pack: Path, answers: Mapping[str, str]) -> None:
    """Save a folder's answers, sorted by path."""
    with replacing(pack / SETTLED) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((path, answers[path]) for path in sorted(answers))


def find_settled(path: Path) -> KeyMap | Role | None:
    """The key map or role settled for a file, by the nearest folder above it that names it.

    Raises:
        TableError: A `keymaps.csv` in a folder above the file is malformed.
    """
    name = os.path.abspath(path)
    for folder, table in _tables_above(os.path.dirname(name)):
        # Called for every folder above every file; `access` costs a third of `isfile`.
        if os.access(table, os.F_OK) and os.path.isfile(table):
            stat = os.stat(table)
            settled = _read_once(folder, stat.st_mtime_ns, stat.st_size)
            found = settled.get(os.path.relpath(name, folder).replace(os.sep, "/"))
            if found is not None:
                return reading_of_name(found)
    return None


@lru_cache(maxsize=64)
def _tables_above(folder: str) -> tuple[tuple[str, str], ...]:
    """The folder and those above it, nearest first, each with the path of its table."""
    folders = [folder]
    while (parent := os.path.dirname(folders[-1])) != folders[-1]:
        folders.append(parent)
    return tuple((above, os.path.join(above, SETTLED)) for above in folders)


@lru_cache(maxsize=64)
def _read_once(folder: str, _modified: int, _size: int) -> Mapping[str, str]:
    return read_settled(Path(folder))

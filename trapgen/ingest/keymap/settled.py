"""The user's answers to what key map a file has: `keymaps.csv` in a pack.

An answer belongs to a file, by its path in the pack, or to one track of it: `drums.mid#3` is the
third track. It names a key map, gives pairs of keys and drums, or names the one voice that is
played.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

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
    guard_cell,
    key_map,
    read_input,
    replacing,
    unguard_cell,
)

SETTLED: Final = "keymaps.csv"
"""The file in a pack with the user's answers: path in the pack; key map or voice."""

_COLUMNS: Final = ["path", "key_map"]
_PACK: Final = "pack.csv"
_ROLE_OF_VOICE: Final = {
    KICK: "kick",
    SNARE: "snare",
    CLOSED_HAT: "hat",
    OPEN_HAT: "hat",
    RIDE: "hat",
}
ROLE_NAMES: Final = tuple(_ROLE_OF_VOICE.get(column, "perc") for column in range(len(VOICES)))
"""Name of the role of each voice of the kit."""
_ROLES: Final = {
    voice.name: Role(ROLE_NAMES[column], column) for column, voice in enumerate(VOICES)
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What the user settled for a file.

    Attributes:
        whole: The key map or the voice of the file; None if only tracks are settled.
        tracks: The same of single tracks, by their number from 0.
    """

    whole: KeyMap | Role | None
    tracks: Mapping[int, KeyMap | Role]


def read_answer(name: str) -> KeyMap | Role:
    """Meaning of an answer: a key map, or the one voice that is played.

    Raises:
        ParameterError: It is neither.
    """
    try:
        return _ROLES.get(name) or key_map(name)
    except ParameterError as error:
        known = ", ".join([*KEY_MAPS, *_ROLES])
        rule = f"one of {known}, or pairs such as 36=kick 38=snare"
        raise ParameterError("key_map", rule, error.received) from error


def read_settled(pack: Path) -> dict[str, str]:
    """Answers in a folder's `keymaps.csv`: key maps or voices by path in the folder.

    Empty without the file.

    Raises:
        TableError: Its columns are not `path` and `key_map`, or it contains an unknown name.
    """
    path = pack / SETTLED
    if not path.is_file():
        return {}
    try:
        text = read_input(path, TableError).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, "not_a_table", error, "It is CSV in UTF-8.") from error
    if not rows or rows[0] != _COLUMNS or any(len(row) != 2 for row in rows):
        received = rows[0] if rows else "an empty file"
        raise TableError(path, "columns", received, "It has the columns path and key_map.")
    for _, name in rows[1:]:
        try:
            read_answer(name)
        except ParameterError as error:
            raise TableError(path, "key_map", name, f"It is {error.rule}.") from error
    return {unguard_cell(path): name for path, name in rows[1:]}


def write_settled(pack: Path, answers: Mapping[str, str]) -> None:
    """Save a folder's answers, sorted by path."""
    with (
        replacing(pack / SETTLED) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((guard_cell(path), answers[path]) for path in sorted(answers))


def find_settled(path: Path, root: Path | None = None) -> Settled | None:
    """What is settled for a file, by the nearest table that names it.

    Tables lie in the file's folder and in those above it, up to the folder read, or to the pack's
    if that is above: the nearest with a `pack.csv`.

    Args:
        path: The file.
        root: The folder read; by default the file's own.

    Raises:
        TableError: A `keymaps.csv` among them is malformed.
    """
    name = os.path.abspath(path)
    folder = os.path.dirname(name)
    top = _find_pack(os.path.abspath(root) if root else folder)
    while True:
        table = os.path.join(folder, SETTLED)
        # Called for every folder above every file; `access` costs a third of `isfile`.
        if os.access(table, os.F_OK) and os.path.isfile(table):
            stat = os.stat(table)
            by_path = _read_once(folder, stat.st_mtime_ns, stat.st_size)
            found = by_path.get(os.path.relpath(name, folder).replace(os.sep, "/"))
            if found is not None:
                return found
        if folder == top or len(folder) <= len(top):
            return None
        folder = os.path.dirname(folder)


def gather_settled(source: Path) -> dict[str, str]:
    """The answers in all tables in a folder, by path in the folder; the nearest counts.

    Raises:
        TableError: A `keymaps.csv` is malformed.
    """
    tables = sorted(source.rglob(SETTLED), key=lambda table: len(table.parts))
    answers = {}
    for table in tables:
        folder = table.parent.relative_to(source)
        for path, name in read_settled(table.parent).items():
            answers[(folder / path).as_posix()] = name
    return answers


def _find_pack(root: str) -> str:
    """The nearest folder with a `pack.csv`, from `root` upward; `root` if there is none."""
    folder = root
    while not os.access(os.path.join(folder, _PACK), os.F_OK):
        parent = os.path.dirname(folder)
        if parent == folder:
            return root
        folder = parent
    return folder


@lru_cache(maxsize=64)
def _read_once(folder: str, _modified: int, _size: int) -> Mapping[str, Settled]:
    whole: dict[str, KeyMap | Role] = {}
    tracks: dict[str, dict[int, KeyMap | Role]] = {}
    for path, name in read_settled(Path(folder)).items():
        answer = read_answer(name)
        whole[path] = answer
        of, number = split_track(path)
        if number is not None:
            tracks.setdefault(of, {})[number] = answer
    return {path: Settled(whole.get(path), tracks.get(path, {})) for path in {*whole, *tracks}}


def split_track(path: str) -> tuple[str, int | None]:
    """The file and the number of the track, from 0, of `drums.mid#3`; None without one."""
    of, _, number = path.rpartition("#")
    is_track = bool(of) and number.isascii() and number.isdigit() and 0 < len(number) < 6
    return (of, int(number) - 1) if is_track and int(number) else (path, None)

"""Folders of MIDI files: listing, reading one by one, and loading standardized loops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trapgen.core import (
    HITS_NAME,
    MANIFEST,
    DrumLoop,
    InputError,
    MidiError,
    StandardizeParams,
    join_hits,
    read_rows,
    relabel,
)
from trapgen.ingest.standardize.notes import Note, read_notes
from trapgen.ingest.standardize.read import Standardized, read_loops

MANIFEST_NAME: Final = "manifest.parquet"


def find_midi(source: Path) -> list[Path]:
    """Every MIDI file in a folder, recursively and sorted; or the file itself.

    Raises:
        InputError: There is nothing at `source`.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(source, "missing", "no such file or folder", "Check the path.")
    files = (path for path in source.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


@dataclass(frozen=True, slots=True)
class Found:
    """A file, with what its folder and pack state about it.

    Attributes:
        path: The file.
        name: Its path in the folder read, with slashes, as far as it is UTF-8.
        loop_id: Name of its loop; empty if the file's own name is not UTF-8.
        note: Its entry in a `pack.csv`.
    """

    path: Path
    name: str
    loop_id: str
    note: Note | None


def find_sources(source: Path) -> tuple[Path, list[Found]]:
    """The folder that paths are relative to, and its MIDI files in sorted order.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    root = source.parent if source.is_file() else source
    notes = read_notes(source)
    taken: set[str] = set()
    found = []
    for path in find_midi(source):
        as_found = path.relative_to(root).as_posix()
        name, loop_id = os.fsencode(as_found).decode("utf-8", "backslashreplace"), ""
        if name == as_found:
            loop_id = name.removesuffix(path.suffix)
            # `a.mid` and `a.midi` are different loops.
            loop_id = name if loop_id in taken else loop_id
            taken.add(loop_id)
        found.append(Found(path, name, loop_id, notes.get(path)))
    return root, found


def read_found(
    found: Found, root: Path, params: StandardizeParams
) -> list[Standardized | MidiError]:
    """Read the loops of a file that `find_sources` found in `root`, with its entry in the pack.

    Raises:
        MidiError: The file breaks a rule.
    """
    if not found.loop_id:
        received, detail = found.name, "Rename it: the name is not UTF-8."
        raise MidiError(root / received, "name", received, detail)
    loops = read_loops(found.path, params, name=found.name, loop_id=found.loop_id)
    return [
        loop if isinstance(loop, MidiError) or found.note is None else _annotate(loop, found.note)
        for loop in loops
    ]


def _annotate(result: Standardized, note: Note) -> Standardized:
    loop = relabel(result.loop, style=note.style or result.loop.lineage.style)
    group = note.group or result.group
    return replace(result, loop=loop, published_split=note.split, group=group)


def read_folder(source: Path, params: StandardizeParams) -> Iterator[Standardized | MidiError]:
    """Read every MIDI file of a folder, in sorted order; a file may hold several loops.

    A file that breaks a rule yields its error, and reading continues. Entries in a pack's
    `pack.csv` are copied.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    root, sources = find_sources(source)
    for found in sources:
        try:
            yield from read_found(found, root, params)
        except MidiError as error:
            yield error


def load_standardized(folder: Path) -> list[DrumLoop]:
    """The loops of a standardized folder, in the manifest's order, with lineage.

    Raises:
        TableError: The manifest or the table of hits is missing, or does not match its schema.
    """
    return join_hits(read_rows(folder / MANIFEST_NAME, MANIFEST), folder / HITS_NAME)

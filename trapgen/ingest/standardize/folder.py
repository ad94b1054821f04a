"""Folders of files: what lies in them, read one by one, and loaded again once standardized."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trapgen.core import (
    MANIFEST,
    N_VOICES,
    DrumLoop,
    InputError,
    Lineage,
    MidiError,
    StandardizeParams,
    read_table,
)
from trapgen.ingest.standardize.notes import Note, read_notes
from trapgen.ingest.standardize.read import Standardized, read_loop


def find_midi(source: Path) -> list[Path]:
    """Every MIDI file in a folder and those below it, sorted; or the file itself.

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
    """A file, and what only its folder knows of it.

    Attributes:
        path: The file.
        loop_id: Name of its loop; empty where the file's own name is not UTF-8.
        note: What a `pack.csv` says of it.
    """

    path: Path
    loop_id: str
    note: Note | None


def find_sources(source: Path) -> tuple[Path, list[Found]]:
    """The folder that paths are relative to, and its MIDI files in the order of the sorted paths.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    root = source.parent if source.is_file() else source
    notes = read_notes(source)
    taken: set[str] = set()
    found = []
    for path in find_midi(source):
        relative = path.relative_to(root)
        name = relative.as_posix()
        loop_id = ""
        if _printable(name) == name:
            loop_id = relative.with_suffix("").as_posix()
            # `a.mid` and `a.midi` are two loops.
            loop_id = name if loop_id in taken else loop_id
            taken.add(loop_id)
        found.append(Found(path, loop_id, notes.get(path)))
    return root, found


def read_found(found: Found, root: Path, params: StandardizeParams) -> Standardized:
    """Read a file that `find_sources` found in `root`, with what its pack says of it.

    Raises:
        MidiError: It breaks a rule.
    """
    if not found.loop_id:
        name = _printable(found.path.relative_to(root).as_posix())
        raise MidiError(root / name, "name", name, "Rename it: the name is not UTF-8.")
    result = read_loop(found.path, params, root=root, loop_id=found.loop_id)
    if found.note is None:
        return result
    lineage = result.loop.lineage
    lineage = replace(lineage, style=found.note.style or lineage.style)
    loop = replace(result.loop, lineage=lineage)
    return replace(result, loop=loop, published_split=found.note.split)


def read_folder(source: Path, params: StandardizeParams) -> Iterator[Standardized | MidiError]:
    """Read every MIDI file of a folder, in the order of the sorted paths.

    A file that breaks a rule comes out as the error that says so; the rest go on. What a pack's
    `pack.csv` says of a file is taken over.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    root, sources = find_sources(source)
    for found in sources:
        try:
            yield read_found(found, root, params)
        except MidiError as error:
            yield error


def _printable(name: str) -> str:
    """A path with the bytes that are not UTF-8 written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def describe_loop(loop: DrumLoop, path: Path) -> dict[str, Any]:
    """The columns that every table of loops has: who it is, where its file lies, what it holds."""
    lineage = loop.lineage
    return {
        "loop_id": lineage.loop_id,
        "path": path.as_posix(),
        "pack": lineage.pack,
        "role": lineage.role,
        "style": lineage.style,
        "bpm": loop.bpm,
        "n_bars": loop.n_bars,
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "source_ids": lineage.source_ids,
    }


def load_standardized(folder: Path) -> list[DrumLoop]:
    """The loops of a standardized folder, in the manifest's order, with their lineage.

    Raises:
        TableError: There is no manifest, or it breaks its schema.
        MidiError: A loop's file is missing or broken.
    """
    manifest = read_table(folder / "manifest.parquet", MANIFEST)
    return [load_row(folder, row) for row in manifest.to_dict("records")]


def load_row(folder: Path, row: Mapping[Any, Any]) -> DrumLoop:
    """The loop of a table's row: its file, read as it was written, with the row's lineage."""
    n_steps = row["n_bars"] * row["steps_per_bar"]
    loop = DrumLoop(np.zeros((n_steps, N_VOICES), np.uint8), row["steps_per_bar"])
    if row["n_onsets"]:
        # As written: from the file's start, whatever is silent there.
        params = StandardizeParams(row["steps_per_bar"], "gm", "ignore", by_name=False, feel="keep")
        read = read_loop(folder / row["path"], params).loop
        # Bars of silence at the end are the table's to know.
        silence = ((0, n_steps - read.n_steps), (0, 0))
        loop = replace(
            read, velocities=np.pad(read.velocities, silence), offsets=np.pad(read.offsets, silence)
        )
    lineage = Lineage(
        loop_id=row["loop_id"],
        source_ids=row["source_ids"],
        pack=row["pack"],
        role=row["role"],
        style=row["style"],
        parents=row.get("parents", ()),
        recipe=row.get("recipe", ""),
    )
    return replace(loop, bpm=row["bpm"], lineage=lineage)

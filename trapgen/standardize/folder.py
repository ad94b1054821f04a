"""Folders of files become loops on disk, with a manifest and the rejects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trapgen.errors import InputError, MidiError
from trapgen.kit import N_VOICES
from trapgen.loop import DrumLoop, Lineage
from trapgen.midi import write_loop
from trapgen.params import StandardizeParams
from trapgen.standardize.notes import Note, read_notes
from trapgen.standardize.read import Standardized, read_loop
from trapgen.store import MANIFEST, REJECTS, make_table, read_table, write_table


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


def read_folder(source: Path, params: StandardizeParams) -> Iterator[Standardized | MidiError]:
    """Read every MIDI file of a folder, in the order of the sorted paths.

    A file that breaks a rule comes out as the error that says so; the rest go on. What a pack's
    `pack.csv` says of a file is taken over.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    root = source.parent if source.is_file() else source
    notes = read_notes(source)
    taken: set[str] = set()
    for path in find_midi(source):
        relative = path.relative_to(root)
        name = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
        if name != relative.as_posix():
            yield MidiError(root / name, "name", name, "Rename it: the name is not UTF-8.")
            continue
        loop_id = relative.with_suffix("").as_posix()
        # `a.mid` and `a.midi` are two loops.
        loop_id = relative.as_posix() if loop_id in taken else loop_id
        taken.add(loop_id)
        try:
            yield _annotate(read_loop(path, params, root=root, loop_id=loop_id), notes.get(path))
        except MidiError as error:
            yield error


def _annotate(result: Standardized, note: Note | None) -> Standardized:
    if note is None:
        return result
    lineage = result.loop.lineage
    lineage = replace(lineage, style=note.style or lineage.style)
    return replace(result, loop=replace(result.loop, lineage=lineage), published_split=note.split)


def standardize(source: Path, out: Path, params: StandardizeParams) -> tuple[Any, Any]:
    """Read a file or folder and write loops, `manifest.parquet` and `rejects.csv` into `out`.

    Returns:
        The manifest and the rejects, as pandas frames (`trapgen.store.MANIFEST`, `REJECTS`).

    Raises:
        InputError: There is nothing at `source`, or no MIDI file in it.
    """
    root = source.parent if source.is_file() else source
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for result in read_folder(source, params):
        if isinstance(result, MidiError):
            relative = Path(result.path).relative_to(root).as_posix()
            rejects.append(
                {
                    "path": relative,
                    "rule": result.rule,
                    "received": str(result.received),
                    "detail": result.detail,
                }
            )
            continue
        target = Path("loops", f"{result.loop.lineage.loop_id}.mid")
        write_loop(out / target, result.loop)
        rows.append(_manifest_row(result, target))
    if not rows and not rejects:
        raise InputError(source, "no_midi", "no .mid or .midi file", "Check the path.")
    manifest, refused = make_table(rows, MANIFEST), make_table(rejects, REJECTS)
    write_table(out / "manifest.parquet", manifest, MANIFEST)
    write_table(out / "rejects.csv", refused, REJECTS)
    return manifest, refused


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


def _manifest_row(result: Standardized, target: Path) -> dict[str, Any]:
    return {
        **describe_loop(result.loop, target),
        "source_path": result.source_path,
        "published_split": result.published_split,
        "key_map": result.key_map,
        "key_map_confidence": result.key_map_confidence,
        "quantization_error_steps": result.quantization_error_steps,
        "max_quantization_error_steps": result.max_quantization_error_steps,
        "recommended_steps_per_bar": result.recommended_steps_per_bar,
        "leading_bars": result.leading_bars,
        "feel": result.feel,
        "collapsed_onsets": result.collapsed_onsets,
        "dropped_onsets": result.dropped_onsets,
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
        params = StandardizeParams(row["steps_per_bar"], "gm", "ignore", by_name=False)
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

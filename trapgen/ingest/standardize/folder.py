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
    MidiError,
    StandardizeParams,
    join_hits,
    read_rows,
    relabel,
)
from trapgen.ingest.list_files import list_files
from trapgen.ingest.standardize.notes import Note, read_notes
from trapgen.ingest.standardize.read import Standardized, read_loops

MANIFEST_NAME: Final = "manifest.parquet"


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


@dataclass(frozen=True, slots=True)
class Sources:
    """What a file or folder has to read.

    Attributes:
        root: The folder that paths are relative to.
        files: Its MIDI files, in sorted order.
        refused: Files and folders in it that cannot be read (see `trapgen.ingest.list_files`).
        followed: Links in it that lead to files or folders elsewhere.
    """

    root: Path
    files: list[Found]
    refused: list[MidiError]
    followed: list[Path]


def find_sources(source: Path) -> Sources:
    """List a file or folder, with what its packs state about its files.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    listing = list_files(source)
    root = source if source.is_dir() else source.parent
    notes = read_notes(listing.others)
    folders = {folder for path in listing.midi for folder in path.parents}
    taken: set[str] = set()
    found = []
    for path in listing.midi:
        as_found = path.relative_to(root).as_posix()
        name, loop_id = name_in(root, path), ""
        if name == as_found:
            loop_id = name.removesuffix(path.suffix)
            # `a.mid` and `a.midi` are different loops, and a folder may be called `a.mid`.
            if loop_id in taken or root / f"{loop_id}.mid" in folders:
                loop_id = name
            taken.add(loop_id)
        found.append(Found(path, name, loop_id, notes.get(path)))
    links = [each.path for each in found if each.path.is_symlink()]
    return Sources(root, found, listing.refused, [*listing.followed, *links])


def name_in(root: Path, path: Path) -> str:
    """A path relative to a folder, with slashes; bytes that are not UTF-8 are escaped.

    Examples:
        >>> name_in(Path("packs"), Path("packs/mine/kick.mid"))
        'mine/kick.mid'
    """
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")


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
    """Read every MIDI file of a folder, in sorted order; what cannot be read comes last.

    A file may hold several loops.

    A file that breaks a rule yields its error, and reading continues. Entries in a pack's
    `pack.csv` are copied.

    Raises:
        InputError: There is nothing at `source`.
        TableError: A `pack.csv` breaks its schema.
    """
    sources = find_sources(source)
    for found in sources.files:
        try:
            yield from read_found(found, sources.root, params)
        except MidiError as error:
            yield error
    yield from sources.refused


def load_standardized(folder: Path) -> list[DrumLoop]:
    """The loops of a standardized folder, in the manifest's order, with lineage.

    Raises:
        TableError: The manifest or the table of hits is missing, or does not match its schema.
    """
    return join_hits(read_rows(folder / MANIFEST_NAME, MANIFEST), folder / HITS_NAME)

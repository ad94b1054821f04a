"""Collections of loops in any form: MIDI, text or a manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from trapgen.core import (
    MANIFEST,
    DrumLoop,
    InputError,
    Lineage,
    MidiError,
    StandardizeParams,
    read_lines,
    read_table,
    relabel,
    source_id,
    to_loop,
)
from trapgen.ingest.standardize.folder import MANIFEST_NAME, load_standardized, read_folder

OnNote = Callable[[str, str], None]

STREAM_BARS: Final = 64
"""Longest loop in a line of text, in bars; longer lines hold several loops."""

PIECE_BARS: Final = 8
"""Length in bars of the pieces that a longer line is cut into."""


def read_collection(
    source: Path, params: StandardizeParams, on_note: OnNote | None = None
) -> tuple[list[DrumLoop], list[MidiError]]:
    """Read the loops of a collection, named by source path, and list unreadable files.

    Args:
        source: A MIDI file or a folder of them; a text file of loops, where the single long line
            of TrapGenerator and of the paper is cut into pieces of eight bars; or a manifest, or
            the folder that `trapgen standardize` wrote.
        params: How MIDI is read; the grid of text and manifests.
        on_note: Called with a loop's name and each clause about what was done to its file.

    Raises:
        InputError: There is no loop in it, or a manifest has another grid.
    """
    if source.suffix == ".txt":
        return _read_text(source, params.steps_per_bar), []
    folder = source.parent if source.name == MANIFEST_NAME else source
    if (folder / MANIFEST_NAME).is_file():
        return _read_manifest(folder, params.steps_per_bar), []
    loops: list[DrumLoop] = []
    rejects: list[MidiError] = []
    for result in read_folder(source, params):
        if isinstance(result, MidiError):
            rejects.append(result)
        else:
            # Of a file with several loops, each is named by its number, too.
            name = result.loop.lineage.loop_id if result.part else result.source_path
            loops.append(relabel(result.loop, loop_id=name))
            if on_note:
                for note in result.explain():
                    on_note(name, note)
    if not loops:
        detail = "Give MIDI files, a text file of loops or a manifest."
        if rejects:
            detail = f"The first: {rejects[0]}"
        received = f"{len(rejects)} files, none of them readable" if rejects else "no MIDI file"
        raise InputError(source, "no_loops", received, detail)
    return loops, rejects


def _read_text(path: Path, steps_per_bar: int) -> list[DrumLoop]:
    loops = []
    for number, words in enumerate(read_lines(path, steps_per_bar), start=1):
        name = f"{path.name}:{number}"
        n_steps = PIECE_BARS * steps_per_bar
        is_stream = len(words) > STREAM_BARS * steps_per_bar
        starts = range(0, len(words), n_steps) if is_stream else (0,)
        for start in starts:
            piece = words[start : start + n_steps] if is_stream else words
            loop = to_loop(piece, steps_per_bar)
            place = f"{name}, bar {start // steps_per_bar + 1}" if is_stream else name
            loops.append(replace(loop, lineage=Lineage(place, (source_id(loop),))))
    return loops


def _read_manifest(folder: Path, steps_per_bar: int) -> list[DrumLoop]:
    manifest = read_table(folder / MANIFEST_NAME, MANIFEST)
    grids = sorted(set(manifest["steps_per_bar"].tolist()))
    if grids not in ([], [steps_per_bar]):
        raise InputError(
            folder / MANIFEST_NAME,
            "steps_per_bar",
            ", ".join(map(str, grids)),
            f"Loops at {steps_per_bar} are required: set --steps-per-bar.",
        )
    if manifest.empty:
        raise InputError(folder / MANIFEST_NAME, "no_loops", "no row", "Standardize some loops.")
    rows = zip(load_standardized(folder), manifest["source_path"], manifest["part"], strict=True)
    return [
        loop if part else relabel(loop, loop_id=source_path) for loop, source_path, part in rows
    ]

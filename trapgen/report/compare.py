"""Audit any two collections of loops: what the command `trapgen audit` does.

train, _ = read_side(Path("mine"), StandardizeParams())
other, _ = read_side(Path("theirs.txt"), StandardizeParams())
found = compare_sides(train, other, Path("report"), AuditParams())
print(found.gate, found.reasons)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.audit import Audit, audit_sides
from trapgen.core import (
    MANIFEST,
    OVERLAP,
    SURVIVORS,
    AuditParams,
    DrumLoop,
    InputError,
    Lineage,
    MidiError,
    StandardizeParams,
    hash_onsets,
    make_table,
    read_lines,
    read_table,
    to_loop,
    write_json,
    write_table,
)
from trapgen.ingest import load_row, read_folder
from trapgen.report.audit import write_audit_report

MANIFEST_NAME: Final = "manifest.parquet"

STREAM_BARS: Final = 64
"""A line of text that is longer is no loop, but many on end."""

PIECE_BARS: Final = 8
"""Such a line is audited in pieces of this length."""


def read_side(source: Path, params: StandardizeParams) -> tuple[list[DrumLoop], list[MidiError]]:
    """The loops of a side, named by their source paths, and the files that could not be read.

    Args:
        source: A MIDI file or a folder of them; a text file of loops, TrapGenerator's and the
            paper's one long line cut into pieces of eight bars; or a manifest, or the folder that
            `trapgen standardize` wrote it into.
        params: How MIDI is read; the grid of text and manifests.

    Raises:
        InputError: There is no loop in it, or a manifest stands on another grid.
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
            loops.append(_rename(result.loop, result.source_path))
    if not loops:
        received = f"{len(rejects)} files, none of them readable" if rejects else "no MIDI file"
        raise InputError(
            source, "no_loops", received, "Give MIDI files, a text file of loops or a manifest."
        )
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
            source = hash_onsets(loop.velocities, steps_per_bar)
            loops.append(replace(loop, lineage=Lineage(place, (source,))))
    return loops


def _read_manifest(folder: Path, steps_per_bar: int) -> list[DrumLoop]:
    manifest = read_table(folder / MANIFEST_NAME, MANIFEST)
    grids = sorted(set(manifest["steps_per_bar"].tolist()))
    if grids not in ([], [steps_per_bar]):
        raise InputError(
            folder / MANIFEST_NAME,
            "steps_per_bar",
            ", ".join(map(str, grids)),
            f"The audit was asked for {steps_per_bar}: give --steps-per-bar.",
        )
    if manifest.empty:
        raise InputError(folder / MANIFEST_NAME, "no_loops", "no row", "A side has a loop.")
    return [
        _rename(load_row(folder, row), row["source_path"]) for row in manifest.to_dict("records")
    ]


def compare_sides(
    train: Sequence[DrumLoop],
    other: Sequence[DrumLoop],
    out: Path,
    params: AuditParams,
    seed: int = 0,
) -> Audit:
    """Audit `other` against `train` and write the findings into `out`.

    Writes `summary.json`, `overlap.parquet`, `survivors.parquet` and `report.html`, also when the
    gate refuses.

    Args:
        train: Loops that something was, or will be, trained on.
        other: Loops that it is to be judged on.
        out: The folder.
        params: Thresholds.
        seed: Of the chance baseline's draws and the self-test's leaks.

    Returns:
        The findings; the gate's reasons are in `reasons`.
    """
    # Two folders may hold files of one name.
    sided = [
        (side, _rename(loop, f"{side}/{loop.lineage.loop_id}"))
        for side, loops in (("train", train), ("other", other))
        for loop in loops
    ]
    found = audit_sides(sided, params, np.random.default_rng(seed))
    overlap = make_table([pair.row() for pair in found.pairs], OVERLAP)
    survivors = make_table([asdict(decision) for decision in found.decisions], SURVIVORS)
    for column, side in (("train_loop", "train"), ("other_loop", "other")):
        overlap[column] = overlap[column].str.removeprefix(f"{side}/")
    write_table(out / "overlap.parquet", overlap, OVERLAP)
    write_table(out / "survivors.parquet", survivors, SURVIVORS)
    write_json(out / "summary.json", found.summary())
    write_audit_report(
        out / "report.html", found, {loop.lineage.loop_id: loop for _, loop in sided}
    )
    return found


def _rename(loop: DrumLoop, loop_id: str) -> DrumLoop:
    return replace(loop, lineage=replace(loop.lineage, loop_id=loop_id))

"""Audit any two collections of loops: what the command `trapgen audit` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from trapgen.audit import Audit, audit_sides
from trapgen.errors import InputError, MidiError
from trapgen.loop import DrumLoop
from trapgen.params import AuditParams, StandardizeParams
from trapgen.report import write_audit_report
from trapgen.standardize import read_folder
from trapgen.store import OVERLAP, SURVIVORS, make_table, write_json, write_table


def read_side(source: Path, params: StandardizeParams) -> tuple[list[DrumLoop], list[MidiError]]:
    """The loops of a file or folder, named by their source paths, and what could not be read.

    Raises:
        InputError: There is no loop in it.
    """
    loops: list[DrumLoop] = []
    rejects: list[MidiError] = []
    for result in read_folder(source, params):
        if isinstance(result, MidiError):
            rejects.append(result)
        else:
            loops.append(_rename(result.loop, result.source_path))
    if not loops:
        received = f"{len(rejects)} files, none of them readable" if rejects else "no MIDI file"
        raise InputError(source, "no_loops", received, "Give a MIDI file or a folder of them.")
    return loops, rejects


def compare_folders(
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
    overlap = make_table([asdict(pair) for pair in found.pairs], OVERLAP)
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

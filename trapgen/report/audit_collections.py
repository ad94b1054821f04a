"""Audit any two collections of loops: what the command `trapgen audit` does.

train, _ = read_collection(Path("mine"), StandardizeParams())
other, _ = read_collection(Path("theirs.txt"), StandardizeParams())
found = audit_collections(train, other, Path("report"), AuditParams())
print(found.gate, found.reasons)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.audit import Audit, audit_sides, label_splits, write_tables
from trapgen.core import AuditParams, DrumLoop, hash_loops
from trapgen.report.audit import write_audit_report

AUDIT_FILES: Final = ("overlap.parquet", "survivors.parquet", "summary.json", "report.html")
"""What `audit_collections` writes."""


def audit_collections(
    train: Sequence[DrumLoop],
    other: Sequence[DrumLoop],
    out: Path,
    params: AuditParams,
    seed: int = 0,
) -> Audit:
    """Audit `other` against `train` and write the findings into `out`.

    Writes `AUDIT_FILES`, also when the gate refuses.

    Args:
        train: Loops that something was, or will be, trained on.
        other: Loops that it is to be judged on.
        out: The folder.
        params: Thresholds.
        seed: Of the chance baseline's draws and the self-test's leaks.

    Returns:
        The findings; the gate's reasons are in `reasons`.
    """
    sided = label_splits(train, other)
    found = audit_sides(sided, params, np.random.default_rng(seed))
    pairs = [
        replace(
            pair,
            train_loop=pair.train_loop.removeprefix("train/"),
            other_loop=pair.other_loop.removeprefix("other/"),
        )
        for pair in found.pairs
    ]
    write_tables(out, replace(found, pairs=tuple(pairs)))
    loops = {loop.lineage.loop_id: loop for _, loop in sided}
    write_audit_report(
        out / "report.html", found, loops, params, data=hash_loops(sided), settings={"seed": seed}
    )
    return found

"""Audit the overlap between splits, and refuse data that would bias figures."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.checks.page import INDEX
from tasks.checks.tables import check_tables
from tasks.places import AUDIT, AUGMENTED, CHECKS, SPLIT, STANDARDIZED, find_start, read_params
from trapgen.audit import Audit, audit_corpus, write_tables
from trapgen.core import (
    LOOPS,
    MANIFEST,
    GateRefusedError,
    Params,
    hash_loops,
    read_loops,
    read_table,
    write_json,
)
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.ingest import load_standardized
from trapgen.report import Move, SourceFile, write_audit_report
from trapgen.similarity import list_learned

if TYPE_CHECKING:
    import pandas as pd

VERSION = "6"


def run(root: Path) -> None:
    """Read `data/augmented` and `data/standardized`, write `data/audit`.

    `data/checks` keeps what the checks of the tables found.

    All results are written before the gate refuses, so that a refusal can be investigated.

    Raises:
        GateRefusedError: The splits are not independent, or a table breaks its expectations.
    """
    params = read_params(root)
    sided = read_loops(root / AUGMENTED)
    sources = load_standardized(root / STANDARDIZED)
    manifest = read_table(root / STANDARDIZED / "manifest.parquet", MANIFEST)
    start = find_start(root, params)
    learned = list_learned(start) if start else []
    data = hash_loops(sided)
    groups = manifest["group"].tolist()
    found = audit_corpus(sided, sources, params, groups=groups, start=learned)
    folder = root / AUDIT
    broken = check_tables(
        manifest,
        read_table(root / AUGMENTED / "loops.parquet", LOOPS),
        found.overlap_table(),
        found.summary(),
        root / CHECKS,
        params=params.audit,
        data=data,
    )
    # These expectations repeat the gate's reasons.
    repeated = ("gate.", "overlap.leak ") if found.reasons else ()
    new = [sentence for sentence in broken if not sentence.startswith(repeated)]
    found = replace(found, reasons=(*found.reasons, *new))
    write_tables(folder, found)
    write_json(folder / "metrics.json", _pick_headline(found))
    loops = {loop.lineage.loop_id: loop for _, loop in sided}
    write_audit_report(
        folder / "report.html",
        found,
        loops,
        params.audit,
        data=data,
        settings=_list_settings(params),
        sources=_find_files(manifest),
        moves=_list_moves(root),
        checks=Path(os.path.relpath(CHECKS, AUDIT), INDEX).as_posix(),
    )
    print(
        f"audit: {found.gate}; {found.exact_bar_overlap:.2%} of held-out bars occur in train, "
        f"{found.chance.mean:.2%} are expected by chance "
        f"({found.chance.low:.2%} to {found.chance.high:.2%})"
    )
    if found.reasons:
        raise GateRefusedError(found.reasons)


def _list_settings(params: Params) -> dict[str, object]:
    """The parameters of the stages that deal and recombine the loops."""
    split, augment = asdict(params.split), asdict(params.augment)
    return {
        "seed": params.seed,
        **{f"split.{name}": value for name, value in split.items()},
        **{f"augment.{name}": value for name, value in augment.items()},
    }


def _list_moves(root: Path) -> list[Move]:
    """Sources whose split is another one than before."""
    split = read_table(root / SPLIT / "split.parquet", SPLIT_SCHEMA)
    moved = split[split["moved_from"] != ""]
    columns = (moved[name] for name in ("source_path", "moved_from", "side", "why"))
    return [Move(*row) for row in zip(*columns, strict=True)]


def _find_files(manifest: pd.DataFrame) -> dict[str, SourceFile]:
    """Pack and file of every source, by its id; of files with the same hits, the first."""
    files: dict[str, SourceFile] = {}
    columns = (manifest[name] for name in ("source_ids", "pack", "source_path"))
    for source_ids, pack, path in zip(*columns, strict=True):
        for source in source_ids:
            files.setdefault(source, SourceFile(pack, path))
    return files


def _pick_headline(found: Audit) -> dict[str, float]:
    """Content of `metrics.json`: the figures of `summary.json` by which two splits are compared."""
    return {
        "exact_bar_overlap": found.exact_bar_overlap,
        "near_bar_overlap": found.near_bar_overlap,
        "effective_sources": found.effective_sources["train"],
    }

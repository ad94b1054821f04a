"""Audit the overlap between splits, and refuse data that would bias figures."""

import os
from dataclasses import replace
from pathlib import Path

from tasks.checks.history import DATA_DOCS
from tasks.checks.tables import check_tables
from tasks.places import AUDIT, AUGMENTED, CHECKS, STANDARDIZED, find_start, read_params
from trapgen.audit import audit_corpus, write_tables
from trapgen.core import LOOPS, MANIFEST, GateRefusedError, read_loops, read_table
from trapgen.ingest import load_standardized
from trapgen.report import write_audit_report
from trapgen.similarity import list_learned

VERSION = "5"


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
    )
    # These expectations repeat the gate's reasons.
    repeated = ("gate.", "overlap.leak ") if found.reasons else ()
    new = [sentence for sentence in broken if not sentence.startswith(repeated)]
    found = replace(found, reasons=(*found.reasons, *new))
    write_tables(folder, found)
    loops = {loop.lineage.loop_id: loop for loop in (*learned, *(loop for _, loop in sided))}
    docs = Path(os.path.relpath(CHECKS / DATA_DOCS, AUDIT), "index.html").as_posix()
    write_audit_report(folder / "report.html", found, loops, data_docs=docs)
    print(
        f"audit: {found.gate}; {found.exact_bar_overlap:.2%} of held-out bars occur in train, "
        f"{found.chance.mean:.2%} are expected by chance "
        f"({found.chance.low:.2%} to {found.chance.high:.2%})"
    )
    if found.reasons:
        raise GateRefusedError(found.reasons)

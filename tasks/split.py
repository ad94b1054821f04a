"""Assign sources to train, validation and test."""

from pathlib import Path

from tasks.places import ASSIGNED, SPLIT, STANDARDIZED, find_start, read_params
from trapgen.core import ASSIGNED as ASSIGNED_SCHEMA
from trapgen.core import MANIFEST, make_table, read_table, write_table
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.dataset import continue_exam
from trapgen.ingest import load_standardized
from trapgen.similarity import list_learned

VERSION = "2"


def run(root: Path) -> None:
    """Read `data/standardized` and the start model; write `data/split`, whose sides are kept."""
    params = read_params(root)
    loops = load_standardized(root / STANDARDIZED)
    manifest = read_table(root / STANDARDIZED / "manifest.parquet", MANIFEST)
    rows: list[dict[str, str]] = []
    if (root / ASSIGNED).exists():
        table = read_table(root / ASSIGNED, ASSIGNED_SCHEMA)
        rows = [{str(key): str(row[key]) for key in row} for row in table.to_dict("records")]
    start = find_start(root, params)
    split = continue_exam(
        loops,
        params,
        rows,
        groups=manifest["group"].tolist(),
        published=manifest["published_split"].tolist(),
        learned=list_learned(start) if start else (),
    )
    table = make_table(
        [
            {**row, "source_path": path}
            for row, path in zip(split.describe(loops), manifest["source_path"], strict=True)
        ],
        SPLIT_SCHEMA,
    )
    write_table(root / SPLIT / "split.parquet", table, SPLIT_SCHEMA)
    write_table(root / ASSIGNED, make_table([*rows, *split.rows], ASSIGNED_SCHEMA), ASSIGNED_SCHEMA)
    counts = ", ".join(f"{n} {side}" for side, n in table["side"].value_counts().items())
    n_components = table["component"].nunique()
    print(f"split: {n_components} independent sources; {counts}; exam {split.exam.name}")
    for row, loop in zip(table.to_dict("records"), loops, strict=True):
        if split.moved.intersection(loop.lineage.source_ids):
            what = f"{row['source_path']} moves from {row['moved_from']} to {row['side']}"
            print(f"split: {what}: {row['why']}")

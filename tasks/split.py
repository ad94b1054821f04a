"""Assign sources to train, validation and test."""

from pathlib import Path

from tasks.places import SPLIT, STANDARDIZED, read_params
from trapgen.core import MANIFEST, make_rng, make_table, read_table, write_table
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.dataset import find_components, split_sources
from trapgen.ingest import load_standardized

VERSION = "1"


def run(root: Path) -> None:
    """Read `data/standardized`, write `data/split`."""
    params = read_params(root)
    loops = load_standardized(root / STANDARDIZED)
    manifest = read_table(root / STANDARDIZED / "manifest.parquet", MANIFEST)
    components = find_components(loops, params.split)
    sides = split_sources(
        loops,
        params.split,
        make_rng(params.seed, "split"),
        components,
        manifest["published_split"].tolist(),
    )
    rows = [
        {
            "loop_id": loop.lineage.loop_id,
            "source_path": path,
            "role": loop.lineage.role,
            "side": side,
            "component": component,
            "protocol": params.split.protocol,
        }
        for loop, path, side, component in zip(
            loops, manifest["source_path"], sides, components.tolist(), strict=True
        )
    ]
    table = make_table(rows, SPLIT_SCHEMA)
    write_table(root / SPLIT / "split.parquet", table, SPLIT_SCHEMA)
    counts = ", ".join(f"{n} {side}" for side, n in table["side"].value_counts().items())
    print(f"split: {table['component'].nunique()} independent sources; {counts}")

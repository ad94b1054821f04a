"""Recombine loops within each split."""

from pathlib import Path

from tasks.places import AUGMENTED, SPLIT, STANDARDIZED, read_params
from trapgen.core import SPLIT as SPLIT_SCHEMA
from trapgen.core import make_rng, read_table
from trapgen.dataset import augment_sides, write_augmented
from trapgen.ingest import load_standardized

VERSION = "2"


def run(root: Path) -> None:
    """Read `data/standardized` and `data/split`, write `data/augmented`."""
    params = read_params(root)
    loops = load_standardized(root / STANDARDIZED)
    sides = read_table(root / SPLIT / "split.parquet", SPLIT_SCHEMA)["side"].tolist()
    made = augment_sides(
        loops, sides, params.augment, params.split, make_rng(params.seed, "augment")
    )
    table = write_augmented(root / AUGMENTED, made)
    counts = ", ".join(f"{n} {side}" for side, n in table["side"].value_counts().items())
    print(f"augment: {counts}")

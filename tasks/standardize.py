"""Bring every file to the kit and the grid."""

from pathlib import Path

from tasks.places import RAW, STANDARDIZED, read_params
from trapgen.standardize import standardize

VERSION = "1"


def run(root: Path) -> None:
    """Read `data/raw`, write `data/standardized`."""
    params = read_params(root).standardize
    manifest, rejects = standardize(root / RAW, root / STANDARDIZED, params)
    roles = ", ".join(f"{n} {role}" for role, n in manifest["role"].value_counts().items())
    print(f"standardize: {len(manifest)} loops ({roles}), {len(rejects)} files rejected")

"""Convert every file to the kit and the grid, and check the raw packs."""

from pathlib import Path

from tasks.checks.raw import check_raw
from tasks.places import CHECKS, RAW, STANDARDIZED, read_params
from trapgen.core import Progress, show_progress
from trapgen.ingest import Spread, standardize

VERSION = "6"


def run(root: Path, *, spread: Spread = map, progress: Progress = show_progress) -> None:
    """Read `data/raw`, write `data/standardized`; `data/checks` keeps the checks.

    Args:
        root: The checkout.
        spread: Map over the chunks of files; the result does not depend on it.
        progress: Shows how many files are done.

    Raises:
        GateRefusedError: The packs break a rule of `tasks.checks.raw` that stops the stage.
    """
    params = read_params(root).standardize
    with progress("standardizing") as on_files:
        manifest, rejects = standardize(
            root / RAW,
            root / STANDARDIZED,
            params,
            spread=spread,
            on_files=on_files,
            overwrite=True,
        )
    roles = ", ".join(f"{n} {role}" for role, n in manifest["role"].value_counts().items())
    print(f"standardize: {len(manifest)} loops ({roles}), {len(rejects)} files rejected")
    found = check_raw(root / RAW, rejects, root / CHECKS)
    found.enforce("standardize", "the check of the raw packs")

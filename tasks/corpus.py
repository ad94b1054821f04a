"""Gather the starter packs and the user's packs in `data/raw`."""

from pathlib import Path

from tasks.places import PACKS, RAW, read_params
from trapgen.ingest import gather_packs

VERSION = "4"


def run(root: Path) -> None:
    """Read `data/packs`, write `data/raw`."""
    n_files = gather_packs(root / PACKS, root / RAW, starter=read_params(root).corpus.starter)
    print(f"corpus: {n_files} MIDI files in {RAW}")

"""Gather the starter packs and the user's into `data/raw`, and look what they are."""

from pathlib import Path

from tasks.checks.docs import RAW_DOCS
from tasks.checks.raw import check_raw
from tasks.places import AUDIT, PACKS, RAW, read_params
from trapgen.ingest import gather_packs

VERSION = "2"


def run(root: Path) -> None:
    """Read `data/packs`, write `data/raw` and the Data Docs of its checks.

    Raises:
        GateRefusedError: The packs break a rule that `tasks.checks.raw` stops for.
    """
    n_files = gather_packs(root / PACKS, root / RAW, starter=read_params(root).corpus.starter)
    found = check_raw(root / RAW, root / AUDIT / RAW_DOCS)
    print(f"corpus: {n_files} MIDI files in {RAW}")
    found.enforce("corpus", "the check of the raw packs")

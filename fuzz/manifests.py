"""Breaks standardized folders, which the audit reads: the manifest and the table of hits."""

from __future__ import annotations

import random
import sys
import tempfile
from functools import cache
from pathlib import Path

from fuzz.mutations import break_bytes
from fuzz.runner import Case, Fuzzer, main
from fuzz.tables import break_table
from trapgen.core import HITS_NAME, AuditParams, StandardizeParams
from trapgen.ingest import read_collection, standardize, write_packs
from trapgen.report import audit_collections

PARAMS = StandardizeParams(16)
QUICK = AuditParams(chance_replicates=2, self_test_leaks=1)
MANIFEST_NAME = "manifest.parquet"


@cache
def load_folder() -> Case:
    """Some loops of the starter corpus, standardized."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for at, path in enumerate(write_packs(folder / "packs")):
            if at % 12:
                path.unlink()
        standardize(folder / "packs", folder / "out", PARAMS)
        return {each: (folder / "out" / each).read_bytes() for each in (MANIFEST_NAME, HITS_NAME)}


def load() -> list[Case]:
    """One folder."""
    return [load_folder()]


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """One of the tables is broken, or missing."""
    name = rng.choice((MANIFEST_NAME, MANIFEST_NAME, HITS_NAME))
    action = rng.randrange(10)
    if action == 0:
        del case[name]
    elif action < 3:
        case[name] = break_bytes(case[name], rng, list(seeds[0].values()))
    else:
        case[name] = break_table(case[name], rng)


def read(source: Path, out: Path) -> str:
    """Audit the folder against itself."""
    loops, _ = read_collection(source, PARAMS)
    out.mkdir()
    return audit_collections(loops, loops, out, QUICK).gate


FUZZER = Fuzzer("manifests", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

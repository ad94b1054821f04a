"""Speed of reading and standardizing files, compared with pretty_midi, and scaling.

`python -m bench.ingest` prints two tables in about four minutes on two cores: files per second over
Groove (under `TRAPGEN_SHARED`; else over the starter corpus), all methods in one run; then time and
peak memory for 1,000, 10,000 and 100,000 synthetic files, each count in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pretty_midi
from rich.console import Console
from rich.table import Table

from bench.memory import read_peak_mib
from trapgen.core import DrumLoop, StandardizeParams, rotate
from trapgen.ingest import find_midi, load_starter, standardize, write_packs
from trapgen.midi import read_strikes, to_bytes

ROOT = Path(__file__).resolve().parents[1]
COUNTS = (1_000, 10_000, 100_000)
MEMORY = Path("/dev/shm")


def read_with_pretty_midi(paths: list[Path]) -> int:
    """The usual first loop with pretty_midi: every note's time, pitch and velocity."""
    n_notes = 0
    for path in paths:
        midi = pretty_midi.PrettyMIDI(str(path))
        notes = [note for part in midi.instruments for note in part.notes]
        n_notes += len([(note.start, note.pitch, note.velocity) for note in notes])
    return n_notes


def read_with_trapgen(paths: list[Path]) -> int:
    """The same with our reader."""
    return sum(len(read_strikes(path)) for path in paths)


def standardize_into(out: Path, source: Path) -> int:
    """Standardize files in this process, into a new folder in `out`; return the number of notes."""
    manifest, _ = standardize(source, Path(tempfile.mkdtemp(dir=out)), StandardizeParams())
    columns = ["n_onsets", "collapsed_onsets", "dropped_onsets"]
    return int(manifest[columns].to_numpy().sum())


def best_of(times: int, work: Callable[[], int]) -> tuple[float, int]:
    """Shortest time in seconds, and the result of `work`."""
    best = math.inf
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def compare_readers(console: Console) -> None:
    """The table of files per second."""
    groove = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared")) / "data" / "groove"
    # In memory if possible: a disk is slow to create files after others were deleted.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        out, source = Path(name, "out"), groove
        out.mkdir()
        if not groove.is_dir():
            console.print(f"no {groove}: the starter corpus instead, whose files are shorter")
            source = Path(name, "starter")
            write_packs(source)
        paths = find_midi(source)
        read_with_trapgen(paths)  # every method reads from the file cache
        pd.DataFrame({"warm": [1]}).to_parquet(out / "warm.parquet")
        works: dict[str, tuple[int, Callable[[], int]]] = {
            "pretty_midi loop": (1, lambda: read_with_pretty_midi(paths)),
            "read_strikes": (5, lambda: read_with_trapgen(paths)),
            "standardize, files to manifest": (3, lambda: standardize_into(out, source)),
        }
        table = Table(
            "", "notes", "seconds", "files per second", "ratio", title=f"{len(paths)} files"
        )
        slowest = 0.0
        for name, (times, work) in works.items():
            seconds, n_notes = best_of(times, work)
            slowest = slowest or seconds
            rate, ratio = f"{len(paths) / seconds:,.0f}", f"{slowest / seconds:.1f}"
            table.add_row(name, f"{n_notes:,}", f"{seconds:.3f}", rate, ratio)
        console.print(table)


def vary(loop: DrumLoop, rng: np.random.Generator) -> DrumLoop:
    """A variation of a loop: rotated, thinned, with other velocities and slight timing changes."""
    shape = loop.velocities.shape
    kept = loop.onsets & (rng.random(shape) < 0.9)
    velocities = np.where(kept, rng.integers(60, 128, shape), 0)
    offsets = rng.uniform(-0.2, 0.2, shape).astype(np.float32)
    turned = rotate(replace(loop, velocities=velocities, offsets=offsets), int(rng.integers(32)))
    return replace(turned, bpm=float(rng.integers(120, 170)))


def write_synthetic(folder: Path, n_files: int) -> None:
    """Write variations of the starter loops, a thousand per folder; the same ones every time."""
    loops = load_starter()
    rng = np.random.default_rng(0)
    for at in range(n_files):
        pack = folder / f"pack_{at // 1000:03d}"
        if at % 1000 == 0:
            pack.mkdir(parents=True)
        loop = vary(loops[at % len(loops)], rng)
        (pack / f"loop_{at:06d}.mid").write_bytes(to_bytes(loop))


def measure(source: Path, out: Path) -> None:
    """Standardize in this process and print seconds, rows and peak memory as JSON."""
    start = time.perf_counter()
    manifest, rejects = standardize(source, out, StandardizeParams())
    seconds = time.perf_counter() - start
    peak_mib = read_peak_mib()
    rows = {"loops": len(manifest), "rejects": len(rejects)}
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib, **rows}))


def compare_sizes(console: Console, counts: list[int]) -> None:
    """The table of time and memory by number of files, with exponents of growth."""
    table = Table(
        "files", "loops", "rejects", "seconds", "files per second", "peak MiB", "exponent"
    )
    seconds: dict[int, float] = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            source, out = Path(name, "raw"), Path(name, "standardized")
            write_synthetic(source, count)
            command = [sys.executable, "-m", "bench.ingest", "--measure", str(source), str(out)]
            run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        found = json.loads(run.stdout)
        seconds[count] = found["seconds"]
        growth = ""
        if len(seconds) > 1:
            small, large = list(pairwise(seconds))[-1]
            growth = f"{math.log(seconds[large] / seconds[small], large / small):.2f}"
        row = (count, found["loops"], found["rejects"])
        table.add_row(
            *(f"{number:,}" for number in row),
            f"{found['seconds']:.1f}",
            f"{count / found['seconds']:,.0f}",
            f"{found['peak_mib']:,.0f}",
            growth,
        )
    console.print(table)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=COUNTS[-1], help="maximum synthetic files")
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("SRC", "OUT"))
    options = parser.parse_args()
    # pretty_midi warns about Groove's meta events, which does not matter here.
    warnings.simplefilter("ignore", RuntimeWarning)
    if options.measure:
        measure(*options.measure)
        return
    console = Console()
    compare_readers(console)
    if counts := [count for count in COUNTS if count <= options.files]:
        compare_sizes(console, counts)


if __name__ == "__main__":
    main()

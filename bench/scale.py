"""Time, memory and recall of searches on thousands of synthetic loops and bars.

`python -m bench.scale SEARCH COUNT` runs one search in this process and prints its seconds, peak
memory and recall of planted copies as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.memory import read_peak_mib
from bench.peers import SETS, sketch_pairs
from bench.synthetic import CHANGED, Planted, draw_loops, plant_bars
from trapgen.core import DrumLoop
from trapgen.similarity import RowPairs, find_pairs, measure_recall, near_rows

ROOT = Path(__file__).resolve().parents[1]
LOOPS = (2_000, 20_000)
BARS = (10_000, 100_000, 1_000_000)
MOST_SKETCHES = 100_000
"""Maximum bars; ten times as many sketches and their index exceed 8 GiB."""
BAR_SIMILARITY = 0.8
"""Two hits of twenty changed; at lower similarity MinHash LSH has too many candidates."""
DISTANCE = 0.35
N_SAMPLE = 200
SIMILARITY = 1 - DISTANCE

T = TypeVar("T")
Found = NDArray[np.int64]
"""`(n, 2)` indices of pairs."""


def pair_loops(loops: Sequence[DrumLoop]) -> Found:
    """All pairs within the distance, under all rotations."""
    found = find_pairs(loops, loops, DISTANCE)
    return np.stack([found.left, found.right], axis=1).astype(np.int64)


def sketch_loops(name: str) -> Callable[[Sequence[DrumLoop]], Found]:
    """All pairs that MinHash LSH estimates to be within the distance."""

    def search(loops: Sequence[DrumLoop]) -> Found:
        pairs, similarity = sketch_pairs(loops, loops, SETS[name], SIMILARITY)
        return pairs[similarity >= SIMILARITY]

    return search


def pair_bars(bars: NDArray[np.bool_]) -> Found:
    """All pairs within the distance that differ in at most that many hits."""
    near = near_rows(bars, bars, DISTANCE, max_changed=CHANGED)
    return np.stack([near.ours, near.known], axis=1)


def sketch_bars(bars: NDArray[np.bool_]) -> Found:
    """All pairs that MinHash LSH estimates to be as similar as most copies."""

    def cells_of(bar: NDArray[np.bool_]) -> list[bytes]:
        return [cell.tobytes() for cell in np.flatnonzero(bar).astype(np.uint32)]

    rows = [*bars]
    pairs, similarity = sketch_pairs(rows, rows, cells_of, BAR_SIMILARITY)
    return pairs[similarity >= BAR_SIMILARITY]


LOOP_SEARCHES = {
    "trapgen": pair_loops,
    "MinHash LSH, hits": sketch_loops("hits"),
    "MinHash LSH, pairs of beats": sketch_loops("pairs of beats"),
}
BAR_SEARCHES = {"trapgen, bars": pair_bars, "MinHash LSH, bars": sketch_bars}


def share_found(planted: Planted, found: Found, n_items: int) -> dict[str, float]:
    """Recall by kind of change to the copies."""
    numbers = np.unique(found[:, 0] * n_items + found[:, 1])
    return {
        name: float(np.isin(pairs[:, 0] * n_items + pairs[:, 1], numbers).mean())
        for name, pairs in planted.items()
    }


def measure(search: str, count: int) -> dict[str, Any]:
    """Run a search over `count` synthetic loops, or bars."""
    rng = np.random.default_rng(0)
    notes = {}
    if search in BAR_SEARCHES:
        bars, planted = plant_bars(count, rng)
        found, seconds, peak_mib = _time(BAR_SEARCHES[search], bars)
        # Only pairs are needed, not their distances.
        near = RowPairs(found[:, 0], found[:, 1], np.zeros(len(found), np.float32))
        notes["sampled_recall"] = measure_recall(
            bars, bars, DISTANCE, near, rng, N_SAMPLE, max_changed=CHANGED
        )
    else:
        loops, planted = draw_loops(count, rng)
        found, seconds, peak_mib = _time(LOOP_SEARCHES[search], loops)
    return {
        "seconds": seconds,
        "peak_mib": peak_mib,
        # Every item is near itself, and every pair is found in both orders.
        "n_pairs": (len(found) - count) // 2,
        "recall": share_found(planted, found, count),
        **notes,
    }


def _time(search: Callable[[T], Found], items: T) -> tuple[Found, float, float]:
    """What a search finds, its seconds, and the peak memory of the process until then in MiB."""
    start = time.perf_counter()
    found = search(items)
    return found, time.perf_counter() - start, read_peak_mib()


class _Growth:
    """Exponents of time, by search."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[int, float]] = {}

    def add(self, search: str, count: int, seconds: float) -> str:
        """Record a time; return the exponent since the last, if there is one."""
        known = self.seconds.setdefault(search, {})
        known[count] = seconds
        if len(known) < 2:
            return ""
        small, large = list(pairwise(known))[-1]
        return f"{math.log(known[large] / known[small], large / small):.2f}"


def _measure_apart(search: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.scale", search, str(count)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    figures: dict[str, Any] = json.loads(run.stdout)
    return figures


def _measure_all(
    counts: Sequence[int], searches: Collection[str], at_most: int
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for count in (count for count in counts if count <= at_most):
        for search in searches:
            if count <= MOST_SKETCHES or search == "trapgen, bars":
                yield count, search, _measure_apart(search, count)


def _describe(count: int, search: str, found: dict[str, Any]) -> list[str]:
    figures = f"{found['seconds']:.1f}", f"{found['peak_mib']:,.0f}", f"{found['n_pairs']:,}"
    return [f"{count:,}", search, *figures]


def compare_loops(console: Console, at_most: int) -> None:
    """The table of all pairs of synthetic loops, each search in a process of its own."""
    columns = ("seconds", "peak MiB", "pairs", "recall", "rotated", "exponent")
    title = f"All pairs of loops of 4 bars, to a distance of {DISTANCE}"
    table, growth = Table("loops", "search", *columns, title=title), _Growth()
    for count, search, found in _measure_all(LOOPS, LOOP_SEARCHES, at_most):
        shares = [f"{share:.1%}" for share in found["recall"].values()]
        table.add_row(
            *_describe(count, search, found), *shares, growth.add(search, count, found["seconds"])
        )
    if table.rows:
        console.print(table)


def compare_bars(console: Console, at_most: int) -> None:
    """The table of all pairs of synthetic bars."""
    columns = ("seconds", "peak MiB", "pairs", "recall", "of a sample", "exponent")
    title = f"All pairs of bars as they stand, to {CHANGED} hits changed"
    table, growth = Table("bars", "search", *columns, title=title), _Growth()
    for count, search, found in _measure_all(BARS, BAR_SEARCHES, at_most):
        shares = [f"{found['recall']['changed']:.2%}", f"{found['sampled_recall']:.2%}"]
        table.add_row(
            *_describe(count, search, found), *shares, growth.add(search, count, found["seconds"])
        )
    if table.rows:
        console.print(table)


def main() -> None:
    """Measure one search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("search", choices=[*LOOP_SEARCHES, *BAR_SEARCHES])
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    print(json.dumps(measure(options.search, options.count)))


if __name__ == "__main__":
    main()

"""Recall of the audit and of other methods by kind of leak, and scaling of the search.

`python -m bench.audit` prints a table of recall by kind of leak over Groove's published split
(under `TRAPGEN_SHARED`) and over the starter corpus, for the audit and its peers (`bench.peers`) on
the same leaks, at equal false alarms; then tables of time, memory and recall over synthetic loops
and bars (`bench.scale`). `--quick` reduces all sizes.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.peers import Run, match_minhash, match_neighbors, match_rows
from bench.scale import compare_bars, compare_loops
from trapgen.audit import LEAKS, Leak, count_false_alarms, draw_leaks, find_copies, find_leaks
from trapgen.core import (
    AuditParams,
    AugmentParams,
    DrumLoop,
    MidiError,
    SplitParams,
    StandardizeParams,
)
from trapgen.dataset import augment_sides, split_sources
from trapgen.ingest import read_folder, write_packs
from trapgen.similarity import find_pairs

ROOT = Path(__file__).resolve().parents[1]
PARAMS = AuditParams()
ALLOWED = 0.01

PEERS = {
    "exact rows": match_rows,
    "MinHash LSH": match_minhash,
    "nearest neighbors": match_neighbors,
}

Sides = tuple[list[DrumLoop], list[DrumLoop]]


@dataclass(frozen=True)
class Score:
    """Result of a run.

    Attributes:
        run: The run.
        recall: Share of the leaks found, by kind.
        false_alarms: Share of the unrelated pairs reported.
    """

    run: Run
    recall: dict[str, float]
    false_alarms: float

    @property
    def mean_recall(self) -> float:
        """Mean over the kinds."""
        return float(np.mean(list(self.recall.values())))


def load_starter_sides() -> Sides:
    """The starter corpus as in the pipeline: split by source, then recombined."""
    with tempfile.TemporaryDirectory() as name:
        write_packs(Path(name))
        read = read_folder(Path(name), StandardizeParams(feel="keep"))
        sources = [found.loop for found in read if not isinstance(found, MidiError)]
    rng, split = np.random.default_rng(0), SplitParams()
    sides = split_sources(sources, split, rng)
    return _part(augment_sides(sources, sides, AugmentParams(), split, rng))


def load_groove_sides(groove: Path) -> Sides:
    """Groove at 32nds with its published split: train, and the other two."""
    with (groove / "info.csv").open(newline="") as file:
        sides = {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
    sided = []
    for found in read_folder(groove, StandardizeParams(key_map="roland_td11", feel="keep")):
        if not isinstance(found, MidiError):
            lineage = replace(found.loop.lineage, loop_id=found.source_path)
            sided.append((sides[found.source_path], replace(found.loop, lineage=lineage)))
    return _part(sided)


def _part(sided: Iterable[tuple[str, DrumLoop]]) -> Sides:
    parts: Sides = ([], [])
    for side, loop in sided:
        parts[side != "train"].append(loop)
    return parts


def search_copies(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> Run:
    """The audit's own search, as in its self-test."""
    start = time.perf_counter()
    pairs = find_copies(train, others, PARAMS)
    return Run("as the audit runs", pairs, time.perf_counter() - start)


def compare_searches(console: Console, title: str, sides: Sides, n_each: int) -> None:
    """The table of recall by kind of leak."""
    train, held_out = sides
    leaks = draw_leaks(train, held_out, n_each, np.random.default_rng(0))
    others = [*held_out, *(leak.loop for leak in leaks)]
    near = find_pairs(train, held_out, PARAMS.near_duplicate_distance)
    same = [(pair.left, pair.right) for pair in near]

    def score(run: Run) -> Score:
        return score_run(run, train, held_out, leaks, same)

    ours = score(search_copies(train, others))
    budget = min(ours.false_alarms, ALLOWED)
    peers = {name: [score(run) for run in match(train, others)] for name, match in PEERS.items()}
    chosen = {name: choose(scores, budget) for name, scores in peers.items()}
    lenient = {name: choose(scores, ALLOWED) for name, scores in peers.items()}
    table = Table("leak", "copies", "trapgen", *peers, title=title)
    copies = Counter(leak.kind for leak in leaks)
    for kind in filter(copies.get, LEAKS):
        shares = (score.recall[kind] for score in (ours, *chosen.values()))
        table.add_row(kind, str(copies[kind]), *(f"{share:.1%}" for share in shares))
    table.add_section()
    every = (ours, *chosen.values())
    n_copies = str(len(leaks))
    table.add_row("mean recall", n_copies, *(f"{score.mean_recall:.1%}" for score in every))
    table.add_row("false alarms", "", *(f"{score.false_alarms:.4%}" for score in every))
    table.add_row("seconds", "", *(f"{score.run.seconds:.2f}" for score in every))
    table.add_row("setting", "", *(score.run.setting for score in every))
    table.add_section()
    loosest = (ours, *lenient.values())
    table.add_row(
        f"mean recall if {ALLOWED:.0%} false alarms are allowed",
        "",
        *(f"{score.mean_recall:.1%}" for score in loosest),
    )
    console.print(table)
    console.print(
        f"{len(train)} training loops, {len(held_out)} held out. False alarms: share of the pairs "
        "of these two without a common source and not near-duplicates that are reported. For each "
        f"peer, of {', '.join(f'{len(s)}' for s in peers.values())} settings the one with the "
        "highest recall at no more false alarms than trapgen, or the strictest.\n"
    )


def score_run(
    run: Run,
    train: Sequence[DrumLoop],
    held_out: Sequence[DrumLoop],
    leaks: Sequence[Leak],
    same: Sequence[tuple[int, int]],
) -> Score:
    """Recall and false alarms of a run over the held-out loops and, after them, the leaks."""
    is_leak = run.pairs[:, 1] >= len(held_out)
    of_leaks = run.pairs[is_leak] - np.array([0, len(held_out)])
    found = find_leaks(train, leaks, lambda *_: of_leaks)
    kinds = np.array([leak.kind for leak in leaks])
    recall = {kind: float(found[kinds == kind].mean()) for kind in dict.fromkeys(kinds.tolist())}
    n_alarms, n_unrelated = count_false_alarms(train, held_out, run.pairs[~is_leak], same)
    return Score(run, recall, n_alarms / max(1, n_unrelated))


def choose(scores: Sequence[Score], budget: float) -> Score:
    """The setting with the highest recall within a budget of false alarms, or the strictest."""
    within = [score for score in scores if score.false_alarms <= budget]
    if not within:
        return min(scores, key=lambda score: score.false_alarms)
    return max(within, key=lambda score: score.mean_recall)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer leaks, loops and bars")
    parser.add_argument("--leaks", type=int, help="copies of each kind")
    parser.add_argument("--loops", type=int, help="maximum number of synthetic loops; 0: none")
    parser.add_argument("--bars", type=int, help="maximum number of synthetic bars; 0: none")
    options = parser.parse_args()
    n_leaks, n_loops, n_bars = (40, 2_000, 100_000) if options.quick else (200, 20_000, 1_000_000)
    n_leaks = n_leaks if options.leaks is None else options.leaks
    console = Console()
    console.width = max(console.width, 110)
    if n_leaks:
        shared = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared"))
        groove = shared / "data" / "groove"
        if groove.is_dir():
            title = "Groove, published split, 32nds"
            compare_searches(console, title, load_groove_sides(groove), n_leaks)
        else:
            console.print(f"no {groove}: only the starter corpus")
        compare_searches(console, "Starter corpus", load_starter_sides(), n_leaks)
    compare_loops(console, n_loops if options.loops is None else options.loops)
    compare_bars(console, n_bars if options.bars is None else options.bars)


if __name__ == "__main__":
    main()

"""The self-test: known leaks are put in, and the search has to find them on this very corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trapgen.loop import DrumLoop, repeat_to, rotate
from trapgen.params import AuditParams
from trapgen.similarity import Pair, find_pairs


def _leaks(rng: np.random.Generator) -> Mapping[str, Callable[[DrumLoop], DrumLoop]]:
    def rotated(loop: DrumLoop) -> DrumLoop:
        beats = int(rng.integers(1, 4 * loop.n_bars))
        return rotate(loop, beats * loop.steps_per_bar // 4)

    def revelocitied(loop: DrumLoop) -> DrumLoop:
        drawn = rng.integers(1, 128, loop.velocities.shape)
        return replace(loop, velocities=np.where(loop.onsets, drawn, 0))

    def one_hit_less(loop: DrumLoop) -> DrumLoop:
        velocities = np.array(loop.velocities)
        hits = np.argwhere(velocities)
        velocities[tuple(hits[rng.integers(len(hits))])] = 0
        return replace(loop, velocities=velocities)

    return {
        "exact": lambda loop: loop,
        "rotated": rotated,
        "repeated": lambda loop: repeat_to(loop, 2 * loop.n_bars),
        "retempoed": lambda loop: replace(loop, bpm=loop.bpm * 1.5),
        "revelocitied": revelocitied,
        "one hit less": one_hit_less,
    }


def self_test(
    train: Sequence[DrumLoop],
    held_out: Sequence[DrumLoop],
    near: Sequence[Pair],
    params: AuditParams,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Put copies of training loops among the held-out ones and count how many the search finds.

    Args:
        train: The training side's loops.
        held_out: The other sides' loops.
        near: Pairs of the two that the search reports, by index.
        params: How many copies of each kind, and the threshold.
        rng: Decides which loops are copied and how.

    Returns:
        `injected` and `found`, numbers of leaks; `recall` by kind; `false_alarms`, the share of
        pairs of loops without a common source that the search reports.
    """
    # A loop of a few hits is a commonplace: one hit less is another loop.
    worthy = [loop for loop in train if loop.n_onsets * params.near_duplicate_distance > 1]
    recall: dict[str, float] = {}
    injected = found = 0
    for kind, leak in _leaks(rng).items():
        if not worthy:
            break
        chosen = [worthy[i] for i in rng.integers(len(worthy), size=params.self_test_leaks)]
        hits = {
            pair.right
            for pair in find_pairs(
                train, [leak(loop) for loop in chosen], params.near_duplicate_distance
            )
        }
        recall[kind] = len(hits) / len(chosen)
        injected, found = injected + len(chosen), found + len(hits)
    sources = [set(loop.lineage.source_ids) for loop in train]
    alarms = [
        pair
        for pair in near
        if not sources[pair.left] & set(held_out[pair.right].lineage.source_ids)
    ]
    n_pairs = len(train) * len(held_out)
    return {
        "injected": injected,
        "found": found,
        "recall": recall,
        "false_alarms": len(alarms) / n_pairs if n_pairs else 0.0,
    }

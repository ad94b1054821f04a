"""The chance baseline: how much independent splits have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.bar_windows import FULL_BAR, WINDOW_BARS
from trapgen.audit.loop_matches import LoopMatches, Mask, Measures, sweep_distances
from trapgen.audit.results import Chance, Sided
from trapgen.core import AuditParams
from trapgen.similarity import connect

_INTERVAL: Final = (2.5, 97.5)
_MIN_GROUPS: Final = 8
"""Fewer independent groups are too few for a permutation test."""

_PERMUTATIONS: Final = 10
"""Draws of the permutation test relative to new splits, since a permutation costs less."""


@dataclass(frozen=True)
class Baseline:
    """Chance values of each measure."""

    windows: dict[int, Chance]
    loops: dict[float, Chance]
    voices: Chance


def chance_baseline(
    loop_matches: LoopMatches,
    train: Mask,
    params: AuditParams,
    rng: np.random.Generator,
    draw_independent: Callable[[np.random.Generator], Sided] | None,
) -> Baseline:
    """Overlap of training and held-out loops under independence.

    Args:
        loop_matches: The loops of all splits.
        train: `(n_loops,)` mask of training loops.
        params: Number of draws, and the distance within which loops are related.
        rng: Random generator of the draws.
        draw_independent: Draws an independent split of the same sources; without it, whole groups
            of related loops are assigned at random (a permutation over groups).

    Returns:
        The mean of each measure over the draws, and the interval that holds 95% of them.
    """
    drawn: list[Measures] = []
    if draw_independent is not None:
        method = "the same sources split and recombined anew"
        for _ in range(params.chance_replicates):
            sided = draw_independent(rng)
            ours = np.array([side == "train" for side, _ in sided])
            drawn.append(
                LoopMatches([loop for _, loop in sided], params, ours).measure(ours, ~ours)
            )
    else:
        groups = group_related(loop_matches)
        names = np.unique(groups)
        method = "groups of related loops dealt to sides anew"
        if len(names) < _MIN_GROUPS:
            method = f"not known: {len(names)} independent groups of loops"
        else:
            n_held_out = min(len(names) - 1, max(1, round(float((~train).mean()) * len(names))))
            for _ in range(_PERMUTATIONS * params.chance_replicates):
                away = np.isin(groups, rng.permutation(names)[:n_held_out])
                drawn.append(loop_matches.measure(~away, away))

    def summarize(values: Sequence[float]) -> Chance:
        if not values:
            return Chance(0.0, 0.0, 0.0, 0, method)
        low, high = np.percentile(values, _INTERVAL)
        mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
        return Chance(mean, float(low), float(high), len(values), method, deviation)

    return Baseline(
        windows={bars: summarize([each.windows[bars] for each in drawn]) for bars in WINDOW_BARS},
        loops={
            distance: summarize([each.loops[distance] for each in drawn])
            for distance in sweep_distances(params)
        },
        voices=summarize([each.voices for each in drawn]),
    )


def group_related(loop_matches: LoopMatches) -> NDArray[np.int64]:
    """`(n_loops,)` group of each loop: near-duplicates, common sources, or a rare bar in common.

    A bar copied from one loop into another relates the two; otherwise chance draws would move the
    copies along and find them likely. Sparse bars, and bars that many loops play, are common
    patterns; a dense bar found in exactly two loops counts as copied.
    """
    near = loop_matches.near[
        loop_matches.near.distance <= loop_matches.params.near_duplicate_distance
    ]
    first_of = np.full(len(loop_matches.different), -1)
    links: list[tuple[int, int]] = []
    first: dict[str, int] = {}
    for at, (loop, pattern) in enumerate(
        zip(loop_matches.loops, loop_matches.pattern.tolist(), strict=True)
    ):
        if first_of[pattern] < 0:
            first_of[pattern] = at
        links.append((int(first_of[pattern]), at))
        links += [(first.setdefault(source, at), at) for source in loop.lineage.source_ids]
    links += zip(first_of[near.left].tolist(), first_of[near.right].tolist(), strict=True)
    return connect(len(loop_matches.loops), [*links, *_link_by_rare_bars(loop_matches)])


def _link_by_rare_bars(loop_matches: LoopMatches) -> list[tuple[int, int]]:
    bars = loop_matches.windows[1]
    full = bars.onsets.count() >= FULL_BAR
    held = np.unique(np.stack([bars.pattern, bars.owner], axis=1)[full[bars.pattern]], axis=0)
    _, start, count = np.unique(held[:, 0], return_index=True, return_counts=True)
    rare = start[count == 2]
    return list(zip(held[rare, 1].tolist(), held[rare + 1, 1].tolist(), strict=True))

"""Deduplication: of equal loops, the best is kept."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from trapgen.audit.loop_matches import LoopMatches
from trapgen.audit.results import Decision, Sided
from trapgen.core import FULL, DrumLoop


def deduplicate(sided: Sided, loop_matches: LoopMatches) -> list[Decision]:
    """Keep the best of the loops in one split that are within the dedup distance of each other.

    Preferred are originals over recombined loops, then longer loops, then full kits over single
    parts, then the first. Loops with the same hits are equal at any rotation by beats and any
    number of repetitions, but not at half or double tempo.

    Args:
        sided: Every loop with its split.
        loop_matches: The same loops.

    Returns:
        The decision on each loop and its reason, in the loops' order.
    """
    near = loop_matches.near
    close = near[(near.distance <= loop_matches.params.dedup_distance) & (near.stretch == 1)]
    neighbours: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    for pair in close:
        neighbours[pair.right].append((pair.left, pair.distance, pair.rotation_beats))
    order = sorted(range(len(sided)), key=lambda at: _rank(sided[at][1]))
    kept: dict[tuple[str, int], int] = {}
    reasons = dict.fromkeys(range(len(sided)), "")
    for at in order:
        side, loop = sided[at]
        number = int(loop_matches.pattern[at])
        known = [each for each in neighbours[number] if (side, each[0]) in kept]
        if not known:
            kept[side, number] = at
            continue
        pattern, distance, beats = min(known, key=lambda each: (each[1], kept[side, each[0]]))
        best = sided[kept[side, pattern]][1]
        reasons[at] = _explain(loop, best, distance, beats, same=pattern == number)
    return [
        Decision(loop.lineage.loop_id, side, not reasons[at], reasons[at])
        for at, (side, loop) in enumerate(sided)
    ]


def _rank(loop: DrumLoop) -> tuple[bool, int, bool]:
    return bool(loop.lineage.recipe), -loop.n_bars, loop.lineage.role != FULL.name


def _explain(loop: DrumLoop, best: DrumLoop, distance: float, beats: int, *, same: bool) -> str:
    name = best.lineage.loop_id
    ours, theirs = _rank(loop), _rank(best)
    why = ("first", "an original", "longer", "a full kit")[
        next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=True), 1) if a != b), 0)
    ]
    if same:
        return f"same words as {name}, which is {why}"
    turned = f", rotated by {beats} beat{'' if beats == 1 else 's'}" if beats else ""
    what = f"{np.round(distance, 4)} from" if distance else "same hits as"
    return f"{what} {name}{turned}, which is {why}"

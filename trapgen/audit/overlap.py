"""What stands on both sides: bars, loops, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.findings import Decision, Overlap, Sided
from trapgen.codec import to_words
from trapgen.loop import DrumLoop
from trapgen.similarity import Pair, share_near

_MAX_LISTED: Final = 2000
"""Pairs listed of each kind; all are counted."""


def exact_bar_overlap(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> float:
    """The share of the others' bars that stand exactly in train, bar for bar; silent bars aside."""
    known = {bar for loop in train for bar in _bars(loop)}
    bars = [bar for loop in others for bar in _bars(loop)]
    return sum(bar in known for bar in bars) / len(bars) if bars else 0.0


def near_bar_overlap(
    train: Sequence[DrumLoop], others: Sequence[DrumLoop], max_distance: float
) -> float:
    """The share of the others' bars within `max_distance` of a bar in train; silent bars aside."""
    known = np.unique(_sounding_bars(train), axis=0)
    bars, counts = np.unique(_sounding_bars(others), axis=0, return_counts=True)
    if not len(bars) or not len(known):
        return 0.0
    near = share_near(bars, known, max_distance)
    return float(counts[near].sum() / counts.sum())


def _sounding_bars(loops: Sequence[DrumLoop]) -> NDArray[np.bool_]:
    """`(n_bars, steps_per_bar * 9)` onsets of every bar with a hit."""
    bars = np.concatenate([loop.onsets.reshape(loop.n_bars, -1) for loop in loops])
    return bars[bars.any(axis=1)]


def _bars(loop: DrumLoop) -> list[bytes]:
    bars = to_words(loop).reshape(-1, loop.steps_per_bar)
    return [bar.tobytes() for bar in bars if bar.any()]


def count_sources(loops: Sequence[DrumLoop]) -> Counter[str]:
    """How many loops use each source."""
    return Counter(source for loop in loops for source in loop.lineage.source_ids)


def effective_sources(loops: Sequence[DrumLoop]) -> float:
    """How many equally used sources would be as varied: the inverse Simpson index.

    1 / sum(p_i^2), p_i the share of source i in all uses (Hill 1973, order 2); 0 without loops.
    """
    uses = np.array(list(count_sources(loops).values()), float)
    return float(uses.sum() ** 2 / (uses**2).sum()) if len(uses) else 0.0


def list_overlaps(
    train: Sequence[DrumLoop], others: Sided, near: Sequence[Pair]
) -> tuple[dict[str, int], list[Overlap]]:
    """Count the pairs across sides by kind, and list the nearest of each.

    Args:
        train: The training side's loops.
        others: The other sides' loops, each with its side.
        near: Pairs of the two within the threshold, by index.
    """
    loops = sorted(near, key=lambda pair: pair.distance)
    exact = [pair for pair in loops if pair.distance == 0]
    related = _related(train, others)
    counts = {
        "exact_loop": len(exact),
        "near_loop": len(loops) - len(exact),
        "shared_source": len(related),
    }
    rows = [
        Overlap(
            train[pair.left].lineage.loop_id,
            others[pair.right][1].lineage.loop_id,
            others[pair.right][0],
            "near_loop" if pair.distance else "exact_loop",
            pair.distance,
            f"rotated by {pair.rotation_beats} beats" if pair.rotation_beats else "",
            "all",
        )
        for pair in [*exact[:_MAX_LISTED], *loops[len(exact) :][:_MAX_LISTED]]
    ]
    for left, right in related[:_MAX_LISTED]:
        side, loop = others[right]
        shared = set(train[left].lineage.source_ids) & set(loop.lineage.source_ids)
        rows.append(
            Overlap(
                train[left].lineage.loop_id,
                loop.lineage.loop_id,
                side,
                "shared_source",
                float("nan"),
                f"source {', '.join(sorted(shared))}",
                "",
            )
        )
    return counts, rows


def _related(train: Sequence[DrumLoop], others: Sided) -> list[tuple[int, int]]:
    """Index pairs of loops that share a source, those of one held-out loop together."""
    children: dict[str, list[int]] = {}
    for at, loop in enumerate(train):
        for source in loop.lineage.source_ids:
            children.setdefault(source, []).append(at)
    return [
        (left, right)
        for right, (_, loop) in enumerate(others)
        for left in sorted({a for s in loop.lineage.source_ids for a in children.get(s, ())})
    ]


def deduplicate(sided: Sided) -> list[Decision]:
    """Keep one of every set of loops with the same words on one side: originals, then the first."""
    best: dict[tuple[str, bytes], DrumLoop] = {}
    for side, loop in sorted(sided, key=lambda item: bool(item[1].lineage.recipe)):
        best.setdefault((side, to_words(loop).tobytes()), loop)
    decisions = []
    for side, loop in sided:
        kept = best[side, to_words(loop).tobytes()]
        reason = "" if kept is loop else f"same words as {kept.lineage.loop_id}"
        decisions.append(Decision(loop.lineage.loop_id, side, kept is loop, reason))
    return decisions

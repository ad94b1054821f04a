"""What stands on both sides: bars, loops, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.findings import Decision, Overlap, Sided
from trapgen.codec import to_words
from trapgen.kit import N_VOICES, VOICES
from trapgen.loop import DrumLoop
from trapgen.similarity import Pair, share_near

_MAX_LISTED: Final = 2000
"""Pairs listed of each kind; all are counted."""

_FULL_BAR: Final = 6
"""Hits that make a bar more than a commonplace."""


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


def _numbered_bars(loop: DrumLoop) -> list[tuple[int, bytes]]:
    bars = to_words(loop).reshape(-1, loop.steps_per_bar)
    return [(at, bar.tobytes()) for at, bar in enumerate(bars) if bar.any()]


def _bars(loop: DrumLoop) -> list[bytes]:
    return [bar for _, bar in _numbered_bars(loop)]


def count_sources(loops: Sequence[DrumLoop]) -> Counter[str]:
    """How many loops use each source."""
    return Counter(source for loop in loops for source in loop.lineage.source_ids)


def effective_sources(loops: Sequence[DrumLoop]) -> float:
    """How many equally used sources would be as varied: the inverse Simpson index.

    1 / sum(p_i^2), p_i the share of source i in all uses (Hill 1973, order 2); 0 without loops.
    """
    uses = np.array(list(count_sources(loops).values()), float)
    return float(uses.sum() ** 2 / (uses**2).sum()) if len(uses) else 0.0


def link_by_rare_bars(loops: Sequence[DrumLoop]) -> list[tuple[int, int]]:
    """Index pairs of loops that share a full bar with each other and with nobody else.

    Bars of a few hits are commonplaces, and so are those that many loops play; a full one that two
    loops alone have was copied.
    """
    holders: dict[bytes, list[int]] = {}
    for at, loop in enumerate(loops):
        hits = loop.onsets.reshape(loop.n_bars, -1).sum(axis=1)
        for bar in {bar for number, bar in _numbered_bars(loop) if hits[number] >= _FULL_BAR}:
            holders.setdefault(bar, []).append(at)
    return [(pair[0], pair[1]) for pair in holders.values() if len(pair) == 2]


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
    told = {(pair.left, pair.right) for pair in near}
    related, bars = _related(train, others), _same_bars(train, others, told)
    counts = {
        "exact_loop": len(exact),
        "near_loop": len(loops) - len(exact),
        "shared_source": len(related),
        "exact_bar": len(bars),
    }

    def row(
        left: int, right: int, kind: str, distance: float, transform: str, voices: str = ""
    ) -> Overlap:
        side, loop = others[right]
        names = train[left].lineage.loop_id, loop.lineage.loop_id
        return Overlap(*names, side, kind, distance, transform, voices)

    rows = [
        row(
            pair.left,
            pair.right,
            "near_loop" if pair.distance else "exact_loop",
            pair.distance,
            f"rotated by {pair.rotation_beats} beats" if pair.rotation_beats else "",
            "all",
        )
        for pair in [*exact[:_MAX_LISTED], *loops[len(exact) :][:_MAX_LISTED]]
    ]
    for left, right in related[:_MAX_LISTED]:
        shared = set(train[left].lineage.source_ids) & set(others[right][1].lineage.source_ids)
        sources = f"source {', '.join(sorted(shared))}"
        rows.append(row(left, right, "shared_source", float("nan"), sources))
    for left, right, ours, theirs in bars[:_MAX_LISTED]:
        at = others[right][1].onsets.reshape(others[right][1].n_bars, -1, N_VOICES)[theirs]
        voices = ",".join(VOICES[voice].name for voice in np.flatnonzero(at.any(axis=0)))
        rows.append(
            row(left, right, "exact_bar", 0.0, f"bar {ours + 1} is bar {theirs + 1}", voices)
        )
    return counts, rows


def _same_bars(
    train: Sequence[DrumLoop], others: Sided, beside: set[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """Index pairs of loops with a bar in common, and its place in both; those in `beside` apart.

    The bar with the most hits stands for its pair, and pairs with the fullest bars come first.
    """
    places: dict[bytes, dict[int, int]] = {}
    for left, loop in enumerate(train):
        for at, bar in _numbered_bars(loop):
            places.setdefault(bar, {}).setdefault(left, at)
    fullest: dict[tuple[int, int], tuple[int, int, int]] = {}
    for right, (_, loop) in enumerate(others):
        hits = loop.onsets.reshape(loop.n_bars, -1).sum(axis=1)
        for theirs, bar in _numbered_bars(loop):
            for left, ours in places.get(bar, {}).items():
                if (left, right) not in beside:
                    found = (int(hits[theirs]), ours, theirs)
                    key = (left, right)
                    fullest[key] = max(fullest.get(key, found), found, key=lambda item: item[0])
    ordered = sorted(fullest.items(), key=lambda item: (-item[1][0], item[0]))
    return [(left, right, ours, theirs) for (left, right), (_, ours, theirs) in ordered]


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

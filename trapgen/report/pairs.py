"""Pairs of loops across splits: how many of each kind, and a few to look at without a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trapgen.audit import Audit, Overlap
from trapgen.core import VOICES, DrumLoop
from trapgen.report.embed import (
    KINDS,
    choose_pairs,
    embed_pairs,
    find_loop,
    list_kinds,
    measure_loosely,
)
from trapgen.report.grid import BARS_PER_ROW, SPANS, Row, describe_differences, empty_row, fill_rows
from trapgen.report.page import order_sides
from trapgen.similarity import lay_over

_MAX_STATIC: Final = 6
"""Pairs that are drawn for readers whose browser runs no script."""


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """A pair, its loops as they are, and as they are drawn.

    Attributes:
        pair: What the audit found.
        train: The training loop.
        other: The held-out loop.
        shared_sources: Sources of both.
        differences: Hits that differ, in words.
        loosely: Distance with hits a step early or late allowed; None where no hit differs.
        n_bars: Bars of the aligned loops.
        rows: Those that are drawn.
    """

    pair: Overlap
    train: DrumLoop
    other: DrumLoop
    shared_sources: list[str]
    differences: str
    loosely: float | None
    n_bars: int
    rows: list[Row]


def describe_pairs(audit: Audit, loops: Mapping[str, DrumLoop]) -> dict[str, Any]:
    """What `pairs.html.j2` shows.

    Returns:
        `data` for the script; `kinds`, number of pairs found, listed and on the page by kind;
        `sides` of the held-out loops; `drawn`, the nearest pairs, those of the gravest kinds
        first; `voices`, `spans` and `frames`, rows of one bar and more, for the grids.

    Raises:
        ParameterError: A pair that is shown names a loop that is not among `loops`.
    """
    data = embed_pairs(audit, loops)
    shown = Counter(pair[2] for pair in data["pairs"])
    listed = Counter(pair.kind for pair in audit.pairs)
    chosen: list[Overlap] = []
    for kind in KINDS:
        of_kind = [pair for pair in audit.pairs if pair.kind == kind]
        chosen += choose_pairs(of_kind, max(2, _MAX_STATIC - len(chosen)))
    return {
        "data": data,
        "kinds": {
            kind: (audit.n_pairs[kind], listed[kind], shown[kind]) for kind in list_kinds(audit)
        },
        "sides": order_sides({loop["side"] for loop in data["loops"]} - {"train"}),
        "drawn": [_draw(pair, loops) for pair in chosen[:_MAX_STATIC]],
        "voices": VOICES,
        "spans": SPANS,
        "frames": [empty_row(data["grid"], n_bars + 1) for n_bars in range(BARS_PER_ROW)],
    }


def _draw(pair: Overlap, loops: Mapping[str, DrumLoop]) -> DrawnPair:
    train, other = find_loop(loops, pair.train_loop), find_loop(loops, pair.other_loop)
    ours, theirs = lay_over(train, other, pair.transform)
    copied = [number for number, x in enumerate(VOICES) if x.name in pair.voices.split(",")]
    return DrawnPair(
        pair,
        train,
        other,
        sorted(set(train.lineage.source_ids) & set(other.lineage.source_ids)),
        describe_differences(ours, theirs),
        measure_loosely(pair, loops),
        ours.n_bars,
        fill_rows(ours, theirs, copied if pair.kind == "voice" else ()),
    )

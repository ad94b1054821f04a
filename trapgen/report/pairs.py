"""Pairs of loops across splits: how many of each kind, and a few to look at without a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
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
from trapgen.report.grid import (
    BARS_PER_ROW,
    SPANS,
    Row,
    choose_bars,
    describe_differences,
    empty_row,
    fill_rows,
)
from trapgen.report.page import order_sides
from trapgen.similarity import lay_over

_MAX_STATIC: Final = 6
"""Pairs that are drawn for readers whose browser runs no script."""


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """A pair that is drawn with the page.

    Attributes:
        kind: Its kind.
        values: What is said about it, by the names that the page's script uses, too; None and
            empty where there is nothing to say.
        rows: The bars that are drawn.
    """

    kind: str
    values: Mapping[str, object]
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
    named = pair.voices.split(",") if pair.kind in ("voice", "exact_bar") else []
    labels = {voice.name: voice.label.lower() for voice in VOICES}
    copied = [number for number, voice in enumerate(VOICES) if voice.name in named]
    loosely = measure_loosely(pair, loops)
    shown = choose_bars(ours, theirs)
    sources = set(train.lineage.source_ids) & set(other.lineage.source_ids)
    values = {
        "apart": f"{pair.distance:.2f}" if pair.distance > 0 else None,
        "identical": pair.distance == 0,
        "related": isnan(pair.distance),
        "train": pair.train_loop,
        "other": pair.other_loop,
        "side": pair.side,
        "differences": describe_differences(ours, theirs),
        "loosely": None if loosely is None else f"{loosely:.2f}",
        "transform": str(pair.transform),
        "voices": ", ".join(labels.get(name, name) for name in named),
        "sources": ", ".join(sorted(sources)),
        "train_parents": ", ".join(train.lineage.parents),
        "other_parents": ", ".join(other.lineage.parents),
        "train_bpm": "?" if train.bpm is None else f"{train.bpm:g}",
        "train_style": train.lineage.style,
        "other_bpm": "?" if other.bpm is None else f"{other.bpm:g}",
        "other_style": other.lineage.style,
        "cut": len(shown) < ours.n_bars,
        "first": shown.start + 1,
        "last": shown.stop,
        "bars": ours.n_bars,
    }
    rows = fill_rows(ours, theirs, copied if pair.kind == "voice" else ())
    return DrawnPair(pair.kind, values, rows)

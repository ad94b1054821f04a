"""The audit's pairs across sides: to filter, to look at, to hear; a few of them without script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isnan
from typing import Any, Final

from trapgen.audit import Audit, Overlap
from trapgen.core import VOICES, DrumLoop
from trapgen.report.embed import (
    KINDS,
    choose_pairs,
    embed_pairs,
    find_loop,
    measure_loosely,
    name_kind,
)
from trapgen.report.grid import describe_differences, draw_legend, draw_pair
from trapgen.report.page import Html, embed_data, facts, join, order_sides, section, table, tag
from trapgen.similarity import lay_over

_MAX_STATIC: Final = 6
"""Pairs that are drawn for readers whose browser runs no script."""

SCRIPT: Final = ("grid.js", "player.js", "pairs.js")
"""What makes the section live; `write_page` puts it into the page."""

_SORTS: Final = {"kind": "Gravest kind", "distance": "Distance", "name": "Name"}


def pairs_section(audit: Audit, loops: Mapping[str, DrumLoop]) -> Html:
    """The pairs: how many of each kind, controls, and the list that the script fills.

    Raises:
        ParameterError: A pair that is shown names a loop that is not among `loops`.
    """
    title = "Pairs across sides"
    if not audit.pairs:
        words = "None: no held-out loop is near a training loop, and none shares a source with one."
        return section("pairs", title, tag("p", words))
    data = embed_pairs(audit, loops)
    return section(
        "pairs",
        title,
        tag(
            "p",
            "Each pair is drawn as one grid: the held-out loop laid over the training loop, by the "
            "move that brings them nearest. Both can be played.",
        ),
        _count_kinds(audit, data),
        draw_legend(),
        _controls(data),
        tag("ol", class_="pairs", id="pairs-list"),
        tag("p", tag("button", "Show more pairs", type="button", id="pairs-more", hidden=True)),
        tag("noscript", *_draw_static(audit, loops)),
        embed_data("pairs-data", data),
    )


def _count_kinds(audit: Audit, data: Mapping[str, Any]) -> Html:
    shown = Counter(pair[2] for pair in data["pairs"])
    listed = Counter(pair.kind for pair in audit.pairs)
    rows = [
        (
            join([label, tag("small", KINDS[kind][1] if kind in KINDS else "")]),
            f"{audit.n_pairs[kind]:,}",
            f"{listed[kind]:,}",
            f"{shown[kind]:,}",
        )
        for kind, label in data["kinds"]
    ]
    head = ("Kind", "Found", "In overlap.parquet", "On this page")
    return table(head, rows, caption="Pairs by kind; where not all are here, the nearest are")


def _controls(data: Mapping[str, Any]) -> Html:
    """Filters and the order, as the browser's own controls; hidden until the script runs."""
    sides = order_sides({loop["side"] for loop in data["loops"]} - {"train"})
    kinds = {
        kind: label for kind, label in data["kinds"] if any(p[2] == kind for p in data["pairs"])
    }

    def choice(name: str, label: str, options: Mapping[str, str]) -> Html:
        entries = (tag("option", words, value=value) for value, words in options.items())
        return tag("label", label, " ", tag("select", *entries, id=f"pairs-{name}"))

    def entry(name: str, label: str, **options: object) -> Html:
        return tag("label", label, " ", tag("input", id=f"pairs-{name}", **options))

    return tag(
        "form",
        choice("kind", "Kind", {"": "All kinds", **kinds}),
        choice("side", "Side", {"": "All sides", **{side: side for side in sides}}),
        entry("distance", "Distance up to", type="number", min=0, max=1, step=0.01),
        entry("text", "Name contains", type="search", autocomplete="off"),
        choice("sort", "Sort by", _SORTS),
        tag("p", role="status", id="pairs-count"),
        class_="controls",
        id="pairs-controls",
        aria_label="Filter and sort the pairs",
        hidden=True,
    )


def _draw_static(audit: Audit, loops: Mapping[str, DrumLoop]) -> list[Html]:
    """The nearest pairs, those of the gravest kinds first."""
    chosen: list[Overlap] = []
    for kind in KINDS:
        of_kind = [pair for pair in audit.pairs if pair.kind == kind]
        chosen += choose_pairs(of_kind, max(2, _MAX_STATIC - len(chosen)))
    note = f"Without scripts, {min(_MAX_STATIC, len(chosen))} of the pairs are drawn here."
    return [tag("p", note), *(_draw_box(pair, loops) for pair in chosen[:_MAX_STATIC])]


def _draw_box(pair: Overlap, loops: Mapping[str, DrumLoop]) -> Html:
    train, other = find_loop(loops, pair.train_loop), find_loop(loops, pair.other_loop)
    ours, theirs = lay_over(train, other, pair.transform)
    sources = set(train.lineage.source_ids) & set(other.lineage.source_ids)
    lanes = [at for at, voice in enumerate(VOICES) if voice.name in pair.voices.split(",")]
    rows = (
        ("Kind", name_kind(pair.kind)),
        ("What differs", describe_differences(ours, theirs)),
        *_tell_loosely(measure_loosely(pair, loops)),
        ("Laid over each other", str(pair.transform) or "as they are"),
        ("Shared sources", ", ".join(sorted(sources)) or "none"),
        ("Parents in train", ", ".join(train.lineage.parents) or "none"),
        ("Parents held out", ", ".join(other.lineage.parents) or "none"),
    )
    summary = tag(
        "summary",
        tag("span", _describe_distance(pair), class_="distance"),
        *(" ", tag("span", pair.train_loop, class_="name"), " ", tag("small", "train")),
        *(" ↔ ", tag("span", pair.other_loop, class_="name"), " ", tag("small", pair.side)),
    )
    drawing = draw_pair(ours, theirs, lanes if pair.kind == "voice" else ())
    return tag("details", summary, tag("div", facts(rows), drawing, class_="body"), open=True)


def _tell_loosely(distance: float | None) -> list[tuple[str, str]]:
    return [] if distance is None else [("A step early or late allowed", f"{distance:.2f} apart")]


def _describe_distance(pair: Overlap) -> str:
    if isnan(pair.distance):
        return "related"
    return f"{pair.distance:.2f} apart" if pair.distance else "identical"

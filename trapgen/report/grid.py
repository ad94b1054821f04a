"""Two loops laid over each other on the nine lanes of the kit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, VOICES, DrumLoop
from trapgen.report.page import Html, join, tag

_MAX_BARS: Final = 4
_BARS_PER_ROW: Final = 2
_LANE: Final = 10
_MAX_NAMED: Final = 4
_MAX_MARKED: Final = 12
"""Differing hits beyond this many are no exceptions, and their steps are not marked."""

# Upper half, lower half, whole lane: the three are told apart without their colors.
_TRAIN, _OTHER, _BOTH = (1, 4), (5, 4), (1, 8)


def describe_differences(train: DrumLoop, other: DrumLoop) -> str:
    """How many hits of two aligned loops differ; a few of them by voice and place."""
    steps, voices = np.nonzero(train.onsets != other.onsets)
    n_hits = int(np.count_nonzero(train.onsets | other.onsets))
    if not len(steps):
        return f"none of {n_hits} hits"
    words = f"{len(steps)} of {n_hits} hits"
    if len(steps) > _MAX_NAMED:
        return words
    beat = train.steps_per_bar // 4
    named = []
    for step, voice in zip(steps.tolist(), voices.tolist(), strict=True):
        bar, place = divmod(step, train.steps_per_bar)
        side = "train" if train.onsets[step, voice] else "the held-out loop"
        label = VOICES[voice].label.lower()
        named.append(f"{label} in bar {bar + 1}, beat {1 + place / beat:.4g} (only in {side})")
    return f"{words}: {'; '.join(named)}"


def draw_pair(train: DrumLoop, other: DrumLoop, lanes: Collection[int] = ()) -> Html:
    """Two aligned loops as nine lanes, the kick at the bottom, at most four bars.

    Of longer loops the bars are drawn in which they first differ. Where `lanes` names voices, the
    others are veiled.
    """
    differs = np.flatnonzero((train.onsets != other.onsets).any(axis=1))
    first = int(differs[0]) // train.steps_per_bar if len(differs) else 0
    first = max(0, min(first, train.n_bars - _MAX_BARS))
    last = min(first + _MAX_BARS, train.n_bars)
    rows = [
        _draw_bars(train, other, start, min(start + _BARS_PER_ROW, last), lanes)
        for start in range(first, last, _BARS_PER_ROW)
    ]
    cut = last - first < train.n_bars
    note = tag("p", f"Bars {first + 1} to {last} of {train.n_bars}.", class_="note") if cut else ""
    return join([tag("div", *rows, class_="bars"), note])


def draw_legend() -> Html:
    """What the three kinds of hits mean."""

    def item(words: str, y: int, height: int, color: str) -> Html:
        block = tag("rect", x=1, y=y, width=8, height=height, class_=color)
        icon = tag("svg", block, viewBox="0 0 10 10", aria_hidden="true")
        return tag("li", icon, words)

    return tag(
        "ul",
        item("in both", *_BOTH, "ink"),
        item("only in the training loop (upper half)", *_TRAIN, "blue"),
        item("only in the held-out loop (lower half)", *_OTHER, "vermilion"),
        class_="legend",
    )


def _draw_bars(
    train: DrumLoop, other: DrumLoop, first: int, last: int, lanes: Collection[int]
) -> Html:
    steps_per_bar = train.steps_per_bar
    at = slice(first * steps_per_bar, last * steps_per_bar)
    ours, theirs = train.onsets[at], other.onsets[at]
    width, height = len(ours), N_VOICES * _LANE
    beats = range(0, width, steps_per_bar // 4)
    lines = "".join(f"M0 {y}h{width}" for y in range(0, height + 1, _LANE))
    lines += "".join(f"M{x} 0v{height}" for x in beats)
    bar_lines = "".join(f"M{x} 0v{height}" for x in range(0, width + 1, steps_per_bar))
    marked = np.flatnonzero((ours != theirs).any(axis=1))
    few = np.count_nonzero(train.onsets != other.onsets) <= _MAX_MARKED
    marks = "".join(f"M{step} 0h1v{height}h-1z" for step in marked.tolist()) if few else ""
    kinds = (
        (ours & theirs, _BOTH, "ink"),
        (ours & ~theirs, _TRAIN, "blue"),
        (theirs & ~ours, _OTHER, "vermilion"),
    )
    veiled = [voice for voice in range(N_VOICES) if lanes and voice not in lanes]
    veils = (
        tag("rect", y=(N_VOICES - 1 - voice) * _LANE, width=width, height=_LANE, class_="veil")
        for voice in veiled
    )
    counts = [int(np.count_nonzero(hits)) for hits, _, _ in kinds]
    drawing = tag(
        "svg",
        tag("path", d=marks, class_="mark") if marks else "",
        tag("path", d=lines, class_="lines"),
        *(_draw_hits(hits, span, color) for hits, span, color in kinds),
        *veils,
        tag("path", d=bar_lines, class_="barlines"),
        class_="grid",
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Bars {first + 1} to {last}: {counts[0]} hits in both loops, {counts[1]} only "
        f"in the training loop, {counts[2]} only in the held-out loop",
    )
    numbers = (tag("span", bar + 1) for bar in range(first, last))
    labels = (tag("li", voice.label) for voice in reversed(VOICES))
    return tag(
        "div",
        tag("div", *numbers, class_="numbers", aria_hidden="true"),
        tag("ul", *labels, class_="lanes", aria_hidden="true"),
        drawing,
    )


def _draw_hits(hits: NDArray[np.bool_], span: tuple[int, int], color: str) -> Html:
    """One path of all hits: blocks of `span` (top and height) within their lanes."""
    top, height = span
    blocks = [
        f"M{step} {(N_VOICES - 1 - voice) * _LANE + top}h.85v{height}h-.85z"
        for step, voice in np.argwhere(hits).tolist()
    ]
    return tag("path", d="".join(blocks), class_=color) if blocks else Html("")

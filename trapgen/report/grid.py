"""Two loops laid over each other on the nine lanes of the kit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np

from trapgen.core import BEATS_A_BAR, N_VOICES, VOICES, DrumLoop
from trapgen.report.page import Html, join, tag

BARS_PER_ROW: Final = 2

_MAX_STATIC_BARS: Final = 4
_LANE: Final = 10
_HEIGHT: Final = N_VOICES * _LANE
_MAX_NAMED: Final = 4
_MAX_MARKED: Final = 12
"""Differing hits beyond this many are no exceptions, and their steps are not marked."""

# Upper half, lower half, whole lane: the three are told apart without their colors.
_TRAIN, _OTHER, _BOTH = (1, 4), (5, 4), (1, 8)
_SPANS: Final = {"ink": _BOTH, "blue": _TRAIN, "vermilion": _OTHER}
_LABEL: Final = (
    "Bars {first} to {last}: {ink} hits in both loops, {blue} only in the training loop, "
    "{vermilion} only in the held-out loop"
)


def describe_differences(train: DrumLoop, other: DrumLoop) -> str:
    """How many hits of two aligned loops differ; a few of them by voice and place."""
    steps, voices = np.nonzero(train.onsets != other.onsets)
    n_hits = int(np.count_nonzero(train.onsets | other.onsets))
    if not len(steps):
        return f"none of {n_hits} hits"
    words = f"{len(steps)} of {n_hits} hits"
    if len(steps) > _MAX_NAMED:
        return words
    beat = train.steps_per_bar // BEATS_A_BAR
    named = []
    for step, voice in zip(steps.tolist(), voices.tolist(), strict=True):
        bar, place = divmod(step, train.steps_per_bar)
        side = "train" if train.onsets[step, voice] else "the held-out loop"
        label = VOICES[voice].label.lower()
        named.append(f"{label} in bar {bar + 1}, beat {1 + place / beat:.4g} (only in {side})")
    return f"{words}: {'; '.join(named)}"


def choose_bars(train: DrumLoop, other: DrumLoop, max_bars: int) -> range:
    """The bars of two aligned loops to show: of long loops, from the first that differs."""
    differs = np.flatnonzero((train.onsets != other.onsets).any(axis=1))
    first = int(differs[0]) // train.steps_per_bar if len(differs) else 0
    first = max(0, min(first, train.n_bars - max_bars))
    return range(first, min(first + max_bars, train.n_bars))


def find_marks(train: DrumLoop, other: DrumLoop) -> list[int]:
    """The steps at which two aligned loops differ, if those are few."""
    different = train.onsets != other.onsets
    if np.count_nonzero(different) > _MAX_MARKED:
        return []
    steps: list[int] = np.flatnonzero(different.any(axis=1)).tolist()
    return steps


def draw_pair(train: DrumLoop, other: DrumLoop, lanes: Collection[int] = ()) -> Html:
    """Two aligned loops as nine lanes, the kick at the bottom, at most four bars.

    Of longer loops the bars are drawn in which they first differ. Where `lanes` names voices, the
    others are veiled.
    """
    shown = choose_bars(train, other, _MAX_STATIC_BARS)
    rows = [
        _fill_row(train, other, shown[at : at + BARS_PER_ROW], lanes)
        for at in range(0, len(shown), BARS_PER_ROW)
    ]
    words = f"Bars {shown.start + 1} to {shown.stop} of {train.n_bars}."
    note = tag("p", words, class_="note") if len(shown) < train.n_bars else ""
    return join([tag("div", *rows, class_="bars"), note])


def draw_frame(steps_per_bar: int, n_bars: int) -> Html:
    """A row of bars for the page's script to put hits into, as `_fill_row` does.

    The script writes `M{step} {voice}h.85` into the paths of hits, `M{step} 0h1` into the path of
    marks, fills the gaps of the label, and takes away the veils of voices that are looked at.
    """
    paths = dict.fromkeys(("mark", *_SPANS), "M0 0")
    return _draw_row(steps_per_bar, range(n_bars), paths, _LABEL, range(N_VOICES))


def draw_legend() -> Html:
    """What the three kinds of hits mean."""

    def item(words: str, color: str) -> Html:
        y, height = _SPANS[color]
        block = tag("rect", x=1, y=y, width=8, height=height, class_=color)
        icon = tag("svg", block, viewBox="0 0 10 10", aria_hidden="true")
        return tag("li", icon, words)

    return tag(
        "ul",
        item("in both", "ink"),
        item("only in the training loop (upper half)", "blue"),
        item("only in the held-out loop (lower half)", "vermilion"),
        class_="legend",
    )


def _fill_row(train: DrumLoop, other: DrumLoop, bars: range, lanes: Collection[int]) -> Html:
    start, stop = (bar * train.steps_per_bar for bar in (bars.start, bars.stop))
    ours, theirs = train.onsets[start:stop], other.onsets[start:stop]
    hits = {"ink": ours & theirs, "blue": ours & ~theirs, "vermilion": theirs & ~ours}
    counts = {color: int(np.count_nonzero(found)) for color, found in hits.items()}
    paths = {
        color: "".join(f"M{step} {voice}h.85" for step, voice in np.argwhere(found).tolist())
        for color, found in hits.items()
    }
    marks = [step - start for step in find_marks(train, other) if start <= step < stop]
    paths["mark"] = "".join(f"M{step} 0h1" for step in marks)
    label = _LABEL.format(first=bars.start + 1, last=bars.stop, **counts)
    veiled = [voice for voice in range(N_VOICES) if lanes and voice not in lanes]
    return _draw_row(train.steps_per_bar, bars, paths, label, veiled)


def _draw_row(
    steps_per_bar: int, bars: range, paths: Mapping[str, str], label: str, veiled: Collection[int]
) -> Html:
    """Some bars as nine lanes; a hit's path stands at its step and its voice."""
    width = len(bars) * steps_per_bar
    beats = range(0, width + 1, steps_per_bar // BEATS_A_BAR)
    lines = "".join(f"M0 {y}h{width}" for y in range(0, _HEIGHT + 1, _LANE))
    lines += "".join(f"M{x} 0v{_HEIGHT}" for x in beats)
    bar_lines = "".join(f"M{x} 0v{_HEIGHT}" for x in beats[::BEATS_A_BAR])
    hits = [
        tag(
            "path",
            d=paths[color],
            class_=color,
            # Voices count upward from the kick at the bottom.
            transform=f"translate(0 {_HEIGHT - _LANE + top + size / 2:g}) scale(1 -{_LANE})",
            stroke_width=size / _LANE,
        )
        for color, (top, size) in _SPANS.items()
        if paths[color]
    ]
    mark = tag("path", d=paths["mark"], class_="mark", transform=f"translate(0 {_HEIGHT // 2})")
    drawing = tag(
        "svg",
        mark if paths["mark"] else "",
        tag("rect", width=1, height=_HEIGHT, class_="head", visibility="hidden"),
        tag("path", d=lines, class_="lines"),
        *hits,
        *(
            tag("rect", y=_HEIGHT - _LANE * (v + 1), width=width, height=_LANE, class_="veil")
            for v in veiled
        ),
        tag("path", d=bar_lines, class_="barlines"),
        class_="grid",
        viewBox=f"0 0 {width} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
    numbers = (tag("span", bar + 1) for bar in bars)
    labels = (tag("li", voice.label) for voice in reversed(VOICES))
    return tag(
        "div",
        tag("div", *numbers, class_="numbers", aria_hidden="true"),
        tag("ul", *labels, class_="lanes", aria_hidden="true"),
        drawing,
    )

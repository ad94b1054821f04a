"""Small charts in plain SVG: lengths in percent of the width, so that type keeps its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trapgen.audit import Chance
from trapgen.report.page import Html, percent, tag

_ENDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_ROW, _LINE, _BAR, _CAP = 46, 32, 10, 16
_PLOT: Final = 150
_MAX_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Share:
    """A row of `draw_shares`.

    Attributes:
        name: What the row shows.
        found: The share, from 0 to 1.
        near: The same and what is nearly so, at least `found`; 0 if it is not shown.
        chance: What chance gives; None if it is not known.
    """

    name: str
    found: float
    near: float = 0.0
    chance: Chance | None = None


def bar(share: float, color: str = "shade") -> Html:
    """A horizontal bar, `share` of its full width from 0 to 1; decoration beside a number."""
    return tag(
        "svg",
        tag("rect", width="100%", height="100%", class_="track"),
        tag("rect", width=_percent_of(share, 1), height="100%", class_=color),
        class_="bar",
        aria_hidden="true",
    )


def draw_shares(rows: Sequence[Share], label: str) -> Html:
    """Shares as bars on one axis, each with the interval that chance gives drawn in.

    Args:
        rows: The bars from the top.
        label: What they are shares of, for those who do not see them.
    """
    highest = (max(row.found, row.near, row.chance.high if row.chance else 0) for row in rows)
    reach = _round_up(max(highest))
    drawn: list[object] = []
    for number, row in enumerate(rows):
        y = _ROW * number + _LINE
        drawn += [
            tag("text", row.name, x=0, y=y - 14),
            tag("text", _describe(row), x="100%", y=y - 14, text_anchor="end"),
            _rect(0, 1, y, "track"),
            *(
                [_rect(0, row.near / reach, y, f"{_color(row)} faint")]
                if row.near > row.found
                else []
            ),
            _rect(0, row.found / reach, y, _color(row)),
            *(_draw_interval(row.chance, y, reach) if row.chance else []),
        ]
    foot = _ROW * len(rows) + 20
    drawn += [
        tag("text", "0%", x=0, y=foot, class_="quiet"),
        tag("text", f"{reach:.0%}", x="100%", y=foot, text_anchor="end", class_="quiet"),
    ]
    words = "; ".join(f"{row.name} {_describe(row)}" for row in rows)
    notes = [
        "Bar: what was found, orange where it lies over chance.",
        *(["Pale: with what is nearly the same."] if any(row.near for row in rows) else []),
        "Bracket: 95% of what chance gives, the long stroke its mean."
        if any(row.chance for row in rows)
        else "What chance gives is not known.",
    ]
    return _figure(drawn, foot + 8, f"{label}: {words}", " ".join(notes))


def draw_sweep(points: Sequence[tuple[float, float, Chance | None]], label: str) -> Html:
    """A share over rising thresholds, and the interval of chance beneath it.

    Args:
        points: Threshold, share and chance, by rising threshold; at least two.
        label: What it is a share of, for those who do not see it.
    """
    first, last = points[0][0], points[-1][0]
    known = [chance for _, _, chance in points if chance]
    reach = _round_up(max([share for _, share, _ in points] + [chance.high for chance in known]))

    def place(distance: float, share: float) -> str:
        return f"{100 * (distance - first) / (last - first):.2f},{100 * (1 - share / reach):.2f}"

    lines: list[Html] = []
    if len(known) == len(points):
        band = [place(at, chance.high) for at, _, chance in points if chance]
        band += [place(at, chance.low) for at, _, chance in reversed(points) if chance]
        mean = [place(at, chance.mean) for at, _, chance in points if chance]
        lines += [
            tag("polygon", points=" ".join(band), class_="faint-band"),
            tag("polyline", points=" ".join(mean), class_="line mean"),
        ]
    found = " ".join(place(at, share) for at, share, _ in points)
    lines.append(tag("polyline", points=found, class_="line found"))
    plot = tag("svg", *lines, y=24, height=_PLOT, viewBox="0 0 100 100", preserveAspectRatio="none")
    foot = _PLOT + 24
    drawn: list[object] = [
        tag("line", x1=0, x2="100%", y1=foot, y2=foot, class_="axis"),
        tag("line", x1=0, x2="100%", y1=24, y2=24, class_="axis"),
        plot,
        tag("text", f"{reach:.0%} of the held-out loops", x=0, y=14, class_="quiet"),
    ]
    for distance, share, chance in points:
        x = f"{100 * (distance - first) / (last - first):.2f}%"
        color = "vermilion" if chance and share > chance.high else "blue"
        y = round(24 + _PLOT * (1 - share / reach), 1)
        drawn.append(tag("circle", cx=x, cy=y, r=4.5, class_=color))
    every = -(-(len(points) - 1) // _MAX_TICKS)
    # Counted from the last point, which is the threshold that the gate uses.
    for distance, _, _ in points[::-1][::every]:
        anchor = "start" if distance == first else "end" if distance == last else "middle"
        x = f"{100 * (distance - first) / (last - first):.2f}%"
        drawn.append(tag("text", f"{distance:g}", x=x, y=foot + 18, text_anchor=anchor))
    words = "; ".join(
        f"{percent(share)} within {distance:g}"
        + (f", by chance {percent(chance.low)} to {percent(chance.high)}" if chance else "")
        for distance, share, chance in points
    )
    caption = "Across: distance to the nearest training loop. Line: what was found. "
    caption += "Gray: 95% of what chance gives, and its mean." if known else "Chance: not known."
    return _figure(drawn, foot + 26, f"{label}: {words}", caption)


def _figure(drawn: Sequence[object], height: int, words: str, caption: str) -> Html:
    svg = tag("svg", *drawn, class_="chart", height=height, role="img", aria_label=words)
    return tag("figure", svg, tag("figcaption", caption))


def _describe(row: Share) -> str:
    if not row.chance:
        return percent(row.found)
    low, high = percent(row.chance.low), percent(row.chance.high)
    return f"{percent(row.found)} (chance {low if low == high else f'{low} to {high}'})"


def _color(row: Share) -> str:
    return "vermilion" if row.chance and row.found > row.chance.high else "blue"


def _draw_interval(chance: Chance, y: float, reach: float) -> list[Html]:
    low, high, mean = (_percent_of(x, reach) for x in (chance.low, chance.high, chance.mean))

    def stroke(at: str, height: float) -> Html:
        return tag("line", x1=at, x2=at, y1=y - height / 2, y2=y + height / 2, class_="bracket")

    span = tag("line", x1=low, x2=high, y1=y, y2=y, class_="bracket")
    return [span, stroke(low, _BAR), stroke(high, _BAR), stroke(mean, _CAP)]


def _rect(start: float, stop: float, y: float, color: str) -> Html:
    width = _percent_of(stop - start, 1)
    return tag("rect", x=0, y=y - _BAR / 2, width=width, height=_BAR, class_=color)


def _round_up(share: float) -> float:
    return next((end for end in _ENDS if end >= 1.1 * share), 1.0)


def _percent_of(share: float, whole: float) -> str:
    return f"{100 * min(max(share / whole, 0), 1):.2f}%"

"""Small charts in plain SVG: lengths in percent of the width, so that type keeps its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trapgen.report.page import Html, percent, tag

_ENDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_ROW, _LINE, _BAND = 46, 32, 14


def bar(share: float, color: str = "shade") -> Html:
    """A horizontal bar, `share` of its full width from 0 to 1; decoration beside a number."""
    return tag(
        "svg",
        tag("rect", width="100%", height="100%", class_="track"),
        tag("rect", width=_percent_of(share, 1), height="100%", class_=color),
        class_="bar",
        aria_hidden="true",
    )


def draw_shares(rows: Mapping[str, float], chance: tuple[float, float, float] | None) -> Html:
    """Shares as points on one axis, over the interval that chance gives.

    Args:
        rows: Shares from 0 to 1 by name.
        chance: Mean, lower and upper end of the interval; None if they are not known.
    """
    mean, low, high = chance or (0.0, 0.0, 0.0)
    most = 1.1 * max(*rows.values(), high)
    reach = next((end for end in _ENDS if end >= most), 1.0)
    drawn: list[object] = []
    for number, (name, share) in enumerate(rows.items()):
        y = _ROW * number + _LINE
        drawn += [
            tag("text", name, x=0, y=y - 14),
            tag("text", percent(share), x="100%", y=y - 14, text_anchor="end"),
            tag("line", x1=0, x2="100%", y1=y, y2=y, class_="axis"),
        ]
        if chance:
            # An interval of no width is still to be seen.
            width = _percent_of(max(high - low, 0.004 * reach), reach)
            at, top, bottom = _percent_of(mean, reach), y - _BAND / 2, y + _BAND / 2
            drawn += [
                tag(
                    "rect",
                    x=_percent_of(low, reach),
                    y=top,
                    width=width,
                    height=_BAND,
                    class_="shade",
                ),
                tag("line", x1=at, x2=at, y1=top, y2=bottom, class_="mean"),
            ]
        color = "vermilion" if chance and share > high else "blue"
        drawn.append(tag("circle", cx=_percent_of(share, reach), cy=y, r=5.5, class_=color))
    foot = _ROW * len(rows) + 20
    drawn += [
        tag("text", "0%", x=0, y=foot, class_="quiet"),
        tag("text", percent(reach), x="100%", y=foot, text_anchor="end", class_="quiet"),
    ]
    words = ", ".join(f"{name} {percent(share)}" for name, share in rows.items())
    interval = f"; by chance {percent(low)} to {percent(high)}" if chance else ""
    note = "Point: what was found. Gray band: what chance gives, the line in it the mean."
    return tag(
        "figure",
        tag(
            "svg",
            *drawn,
            class_="chart",
            height=foot + 8,
            role="img",
            aria_label=f"Share of bars that stand in train: {words}{interval}",
        ),
        tag("figcaption", note if chance else "What chance gives is not known."),
    )


def _percent_of(share: float, whole: float) -> str:
    return f"{100 * min(max(share / whole, 0), 1):.2f}%"

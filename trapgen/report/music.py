"""What a model writes, in tables: where its bars end, what it copies, how like people it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trapgen.report.chart import bar
from trapgen.report.page import Html, count, join, percent, section, table, tag

_WINDOWS: Final = {"1_bar": "Bars", "2_bars": "Two bars on end"}
_QUANTILES: Final = {"p0": "The nearest", "p5": "5% are nearer", "p50": "Half are nearer"}


def music_section(metrics: Mapping[str, Any], figures: Mapping[str, Html], cleared: bool) -> Html:
    """Bars, copies, distances and features.

    Args:
        metrics: What `metrics.json` holds.
        figures: `covers`, `distances` and `features`, if they are drawn, and any others.
        cleared: Whether figures of held-out loops may be shown.
    """
    parts = [_closure_table(metrics["bar_closure"])]
    if not cleared:
        return section("music", "What it writes", *parts, _copies_table(metrics, cleared))
    last = [figures[name] for name in figures if name not in ("covers", "distances")]
    return section(
        "music",
        "What it writes",
        *parts,
        tag("h3", "Is it like what people play?"),
        tag("p", _describe_overlap(metrics)),
        figures.get("covers", ""),
        _overlap_table(metrics["overlap"], metrics["goals"]["features"]["bound"]),
        tag("h3", "Is it its own?"),
        _copies_table(metrics, cleared),
        _distance_table(metrics["novelty"]),
        figures.get("distances", ""),
        *last,
    )


def _closure_table(closure: Mapping[str, Mapping[str, float]]) -> Html:
    rows = [
        (at, percent(found["share"]), count(int(found["bars"]), "bar"))
        for at, found in closure.items()
    ]
    head = ("Temperature", "Closed in time", "Of")
    return table(head, rows, caption="Where it writes BAR by itself, with no grammar to help")


def _describe_overlap(metrics: Mapping[str, Any]) -> str:
    least = metrics["goals"]["features"]["bound"]
    below = [name for name, cover in metrics["overlap"].items() if cover["ratio"] < least]
    snare = metrics["snare_on_3"]
    on_3 = (
        f"{percent(snare['generated'])} of its bars have a snare on beat 3, and "
        f"{percent(snare['held_out'])} of people's."
    )
    if not below:
        return f"Every feature overlaps with held-out loops about as training loops do. {on_3}"
    names = ", ".join(name.replace("_", " ") for name in below)
    return f"Too far from what people play: {names}. {on_3}"


def _overlap_table(overlap: Mapping[str, Mapping[str, float]], least: float) -> Html:
    rows = [
        (
            name.replace("_", " ").capitalize(),
            f"{cover['area']:.2f}",
            f"{cover['ceiling']:.2f}",
            join(
                [
                    f"{cover['ratio']:.2f}",
                    tag("small", f" {cover['low']:.2f} to {cover['high']:.2f}"),
                    bar(cover["ratio"], "blue" if cover["ratio"] >= least else "vermilion"),
                ]
            ),
            f"{cover['seed_min']:.2f} to {cover['seed_max']:.2f}",
        )
        for name, cover in sorted(overlap.items(), key=lambda item: item[1]["ratio"])
    ]
    head = ("Feature", "Generated", "Training", "Ratio", "By seed")
    caption = "Overlap with held-out loops by feature, 1 is the same distribution"
    return tag(
        "details",
        tag("summary", "All features in numbers"),
        tag("div", table(head, rows, caption=caption), class_="body"),
    )


def _copies_table(metrics: Mapping[str, Any], cleared: bool) -> Html:
    rows = []
    for name, label in _WINDOWS.items():
        found = metrics["copies"][name]
        of_people = [percent(found["held_out"])] if cleared else []
        seeds = f"{percent(found['seed_min'])} to {percent(found['seed_max'])} by seed"
        rows.append((label, join([percent(found["generated"]), tag("small", seeds)]), *of_people))
    head = ("", "Generated", "Held-out")[: 3 if cleared else 2]
    return table(head, rows, caption="Windows that stand in train, hit for hit")


def _distance_table(novelty: Mapping[str, Any]) -> Html:
    rows = [
        (label, f"{novelty['generated'][at]:.3f}", f"{novelty['held_out'][at]:.3f}")
        for at, label in _QUANTILES.items()
    ]
    rows.append(("Mean", f"{novelty['mean']:.3f}", f"{novelty['held_out_mean']:.3f}"))
    caption = "Distance to the nearest training loop: 0 is a copy"
    return table(("", "Generated", "Held-out"), rows, caption=caption)

"""What the model should reach, and which of it it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trapgen.report.page import Html, join, percent, section, table, tag

_SHARE, _RATIO, _BITS = percent, "{:.2f}".format, "{:+.2f}".format
_GOALS: Final = {
    "beats_ngram": ("It predicts better than the n-gram", "bits per step more, at worst", _BITS),
    "bars_closed_1.0": ("Its bars close", "in time and unaided, at temperature 1", _SHARE),
    "bars_closed_1.2": ("Its bars close when it is wilder", "at temperature 1.2", _SHARE),
    "features": ("Hits are like people's", "the feature that overlaps least:", _RATIO),
    "velocity": ("Velocities are like people's", "the feature that overlaps least:", _RATIO),
    "timing": ("Timing is like people's", "the feature that overlaps least:", _RATIO),
    "hats_roll": ("Hats roll", "overlap of the roll rate", _RATIO),
    "kicks_move": ("Kicks move", "overlap of the kick's variety", _RATIO),
    "snare_on_3": ("Snares sit on 3", "of bars, without being forced to", _SHARE),
    "copies_2_bars": ("It copies no more than people do", "of two-bar windows", _SHARE),
}
_AT_MOST: Final = ("beats_ngram", "copies_2_bars")


def count_goals(goals: Mapping[str, Mapping[str, float]]) -> str:
    """How many of them are reached, in words."""
    reached = sum(bool(goal["holds"]) for goal in goals.values())
    return f"{reached} of {len(goals)} goals reached"


def goals_section(metrics: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> Html:
    """Every goal with its figure, those that are missed first.

    Args:
        metrics: What `metrics.json` holds.
        groups: The features that a goal judges, by its name.
    """
    goals, overlap = metrics["goals"], metrics["overlap"]
    rows = []
    for name, goal in sorted(goals.items(), key=lambda item: bool(item[1]["holds"])):
        title, what, form = _GOALS[name]
        if name in groups:
            worst = min(groups[name], key=lambda feature: overlap[feature]["ratio"])
            what += f" {worst.replace('_', ' ')}"
        sign = "at most" if name in _AT_MOST else "at least"
        bound = form(goal["bound"]) if goal["bound"] else "0"
        verdict = (
            tag("span", "holds", class_="pass mark")
            if goal["holds"]
            else tag("span", "does not hold", class_="refuse mark")
        )
        cells = (join([title, tag("small", what)]), form(goal["value"]), f"{sign} {bound}")
        rows.append((*cells, verdict))
    caption = "Overlap: that with held-out loops, over what training loops have of it"
    head = ("", "Found", "Wanted", "Verdict")
    return section("goals", count_goals(goals), table(head, rows, caption=caption))

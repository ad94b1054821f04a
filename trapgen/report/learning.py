"""The learning curve and the control beside it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trapgen.report.chart import bar
from trapgen.report.page import Html, count, join, section, table, tag

KEYS: Final = ("best_epoch", "validation", "control_loss", "leak_gap", "first_leak_gap")

CAPTION: Final = (
    "Loss by epoch, and the epoch whose weights were kept. The shade between the control and clean "
    "validation is the gap; the train loss of the first epochs may lie above the picture."
)


def learning_section(learning: Mapping[str, Any], figure: Html) -> Html:
    """What the curves say, and how the loss grows with the distance from training loops.

    Args:
        learning: What `metrics.json` holds under that name.
        figure: The curves, if they are drawn.
    """
    clean, control, gap = (learning[key] for key in ("validation", "control_loss", "leak_gap"))
    kept = f"At epoch {learning['best_epoch']}, whose weights were kept, "
    first = learning["first_leak_gap"]
    found = (
        f"{kept}the control shows {control:.3f} bits per step and clean validation {clean:.3f}: "
    )
    if gap > 0:
        found += (
            f"who looks at the control alone believes the model {gap:.3f} bits better than it is. "
        )
    else:
        found += "here the control looks no better. "
    found += (
        f"After the first epoch clean validation less the control was {first:.3f}. What it has "
        "grown since is what the model knows by heart; what was there from the start is that the "
        "bars of one of the two are harder to predict."
    )
    return section(
        "learning",
        "What the learning curve says",
        tag(
            "p",
            "Two curves judge the model on bars that it does not learn. ",
            tag("b", "Clean validation is the truth: "),
            "its loops have no source in common with the training loops. ",
            tag("b", "The control is what the original project looked at: "),
            "bars drawn at random out of the loops trained on. It leaks on purpose, for the bars "
            "around them and the loops with the same parents are learned. It decides nothing: "
            "training stops by clean validation.",
        ),
        tag("p", found),
        figure,
        _distance_table(learning.get("by_distance", {})),
    )


def _distance_table(parts: Mapping[str, Mapping[str, float]]) -> Html:
    if not parts:
        return Html()
    most = max(part["bits_per_step"] for part in parts.values())
    rows = [
        (
            join([name.capitalize(), tag("small", count(int(part["n_loops"]), "loop"))]),
            f"{part['distance']:.3f}",
            join([f"{part['bits_per_step']:.3f}", bar(part["bits_per_step"] / max(most, 1e-9))]),
        )
        for name, part in parts.items()
    ]
    head = ("", "Mean distance", "Bits per step")
    caption = "Clean validation by distance to the nearest training loop, in thirds"
    return table(head, rows, caption=caption)

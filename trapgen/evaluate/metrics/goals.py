"""What a model has to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from trapgen.evaluate.metrics.loop_features import TIMING

OVERLAP: Final = 0.9
"""The least overlap of generated with held-out loops, as a share of that of training loops."""

_CLOSED: Final = {"1.0": 0.995, "1.2": 0.98}
_SNARE_ON_3: Final = 0.9


def judge_goals(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Hold the figures of an evaluation against the goals.

    Args:
        metrics: What `trapgen.evaluate.evaluate` found out.

    Returns:
        By goal `value`, `bound` and `holds`, 1 or 0: `beats_ngram`, the upper end of the interval
        of the bits per step that the model needs more than the n-gram, on the split where it does
        worst, below 0; `bars_closed_…`, at each temperature, and `snare_on_3`, shares of bars, at
        least the bound; `features`, `velocity` and, if it is judged, `timing`, the least ratio of
        overlap among the features of onsets, velocity and microtiming, `hats_roll` and
        `kicks_move`, that of `roll_rate` and `kick_variety`, at least `OVERLAP`; `copies_2_bars`,
        the rate of two-bar windows that are also in train, no higher than that of held-out loops.
    """
    ratios = {name: cover["ratio"] for name, cover in metrics["overlap"].items()}
    groups = group_features(ratios)
    least = {group: min(ratios[name] for name in names) for group, names in groups.items()}
    closed = metrics["bar_closure"]
    copies = metrics["copies"]["2_bars"]
    worst = max(found["less_ngram"]["high"] for found in metrics["bits_interval"].values())
    return {
        "beats_ngram": _at_most(worst, 0.0),
        **{
            f"bars_closed_{at}": _at_least(closed[at]["share"], share)
            for at, share in _CLOSED.items()
        },
        **{group: _at_least(ratio, OVERLAP) for group, ratio in least.items()},
        "hats_roll": _at_least(ratios["roll_rate"], OVERLAP),
        "kicks_move": _at_least(ratios["kick_variety"], OVERLAP),
        "snare_on_3": _at_least(metrics["snare_on_3"]["generated"], _SNARE_ON_3),
        "copies_2_bars": _at_most(copies["generated"], copies["held_out"]),
    }


def group_features(features: Iterable[str]) -> dict[str, list[str]]:
    """Features of onsets (`features`), velocity (`velocity`) and microtiming (`timing`)."""
    groups: dict[str, list[str]] = {"features": [], "velocity": [], "timing": []}
    for name in features:
        group = "timing" if name in TIMING else "velocity" if "velocity" in name else "features"
        groups[group].append(name)
    return {group: names for group, names in groups.items() if names}


def _at_least(value: float, bound: float) -> dict[str, float]:
    return {"value": value, "bound": bound, "holds": float(value >= bound)}


def _at_most(value: float, bound: float) -> dict[str, float]:
    return {"value": value, "bound": bound, "holds": float(value <= bound)}

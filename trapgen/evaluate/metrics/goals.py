"""Goals of a model, and whether it meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from trapgen.evaluate.metrics.loop_features import TIMING

LEAST_RATIO: Final = 0.9
"""Minimum overlap of generated loops, as a share of that of train with held-out loops."""

_CLOSED: Final = {"1.0": 0.995, "1.2": 0.98}
_SNARE_ON_3: Final = 0.9


def judge_goals(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Check the figures of an evaluation against the goals.

    Args:
        metrics: Output of `trapgen.evaluate.evaluate`.

    Returns:
        By goal `value`, `bound` and `holds`, 1 or 0: `beats_lag_copy`, upper end of the interval of
        the model's bits per step minus that of `lag_copy`, on its worst split, below 0;
        `bars_closed_…`, at each temperature, and `snare_on_3`, shares of bars, at least the bound;
        `features`, `velocity` and, if evaluated, `timing`, minimum overlap ratio among the
        features of onsets, of velocity and of microtiming, `hats_roll` and `kicks_move`, overlap
        ratio of `roll_rate` and `kick_variety`, at least `LEAST_RATIO`; `copies_2_bars`, share of
        two-bar windows that occur in train, at most that of held-out loops.
    """
    ratios = {name: cover["ratio"] for name, cover in metrics["overlap"].items()}
    groups = group_features(ratios)
    least = {group: min(ratios[name] for name in names) for group, names in groups.items()}
    closed = metrics["bar_closure"]
    copies = metrics["copies"]["2_bars"]
    worst = max(found["less_lag_copy"]["high"] for found in metrics["bits_interval"].values())
    return {
        "beats_lag_copy": _at_most(worst, 0.0),
        **{
            f"bars_closed_{at}": _at_least(closed[at]["share"], share)
            for at, share in _CLOSED.items()
        },
        **{group: _at_least(ratio, LEAST_RATIO) for group, ratio in least.items()},
        "hats_roll": _at_least(ratios["roll_rate"], LEAST_RATIO),
        "kicks_move": _at_least(ratios["kick_variety"], LEAST_RATIO),
        "snare_on_3": _at_least(metrics["snare_on_3"]["generated"], _SNARE_ON_3),
        "copies_2_bars": _at_most(copies["generated"], copies["held_out"]),
    }


def group_features(features: Iterable[str]) -> dict[str, list[str]]:
    """Features of onsets (`features`), of velocity (`velocity`) and of microtiming (`timing`)."""
    groups: dict[str, list[str]] = {"features": [], "velocity": [], "timing": []}
    for name in features:
        group = "timing" if name in TIMING else "velocity" if "velocity" in name else "features"
        groups[group].append(name)
    return {group: names for group, names in groups.items() if names}


def _at_least(value: float, bound: float) -> dict[str, float]:
    return {"value": value, "bound": bound, "holds": float(value >= bound)}


def _at_most(value: float, bound: float) -> dict[str, float]:
    return {"value": value, "bound": bound, "holds": float(value <= bound)}

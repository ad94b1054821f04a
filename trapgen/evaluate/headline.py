"""The dozen figures by which two models are compared; the others stand in `details.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_COMPARED: Final = ("model", "lag_copy")


def pick_headline(found: Mapping[str, Any], steps_per_bar: int) -> dict[str, Any]:
    """Content of `metrics.json`, few enough to be read as the columns of one table.

    Args:
        found: Content of `details.json`.
        steps_per_bar: The grid.

    Returns:
        `bits_per_step` by split, of the model and `lag_copy`; `bits_per_bar` of the model by split,
        which compares models on different grids; `outside`, the model's bits per step on each set
        from outside, if there are any; `bar_accuracy`; `copy_rate`, the share of
        generated bars that occur in train; `novelty`, the mean distance of generated loops to the
        nearest training loop; `learning`, its `leak_gap`; and `goals`, how many are `met` `of` all.
    """
    bits = found["bits_per_step"]
    goals = found["goals"].values()
    return {
        "bits_per_step": {
            side: {name: by_model[name] for name in _COMPARED} for side, by_model in bits.items()
        },
        "bits_per_bar": {
            side: by_model["model"] * steps_per_bar for side, by_model in bits.items()
        },
        **_list_outside(found),
        "bar_accuracy": found["bar_accuracy"],
        "copy_rate": found["copies"]["1_bar"]["generated"],
        "novelty": found["novelty"]["mean"],
        "learning": {"leak_gap": found["learning"]["leak_gap"]},
        "goals": {"met": sum(bool(goal["holds"]) for goal in goals), "of": len(goals)},
    }


def _list_outside(found: Mapping[str, Any]) -> dict[str, Any]:
    bits = {
        name: exam["bits_per_step"]["model"]
        for name, exam in found.get("outside", {}).items()
        if exam["loops"]
    }
    return {"outside": bits} if bits else {}

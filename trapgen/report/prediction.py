"""How well a model predicts loops that it does not know, in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trapgen.report.chart import bar
from trapgen.report.page import Html, join, order_sides, percent, section, table, tag

MODELS: Final = {
    "model": ("Model", "what was trained"),
    "ngram": ("Back-off n-gram", "the last words, and the same step a bar ago"),
    "position": ("Position in the bar", "how common each word is at each step"),
    "repeat_bar": ("Repeat the last bar", "the same step a bar ago"),
    "uniform": ("Uniform", "every word alike"),
}
_LESS: Final = "less_ngram"


def prediction_section(metrics: Mapping[str, Any], figures: Mapping[str, Html]) -> Html:
    """Bits per step beside the baselines', with intervals, and the calibration.

    Args:
        metrics: What `metrics.json` holds; without `bits_per_step` all is withheld.
        figures: `bits` and `calibration`, if they are drawn.
    """
    title = "How well it predicts loops that it does not know"
    bits: Mapping[str, Mapping[str, float]] = metrics["bits_per_step"]
    if not bits:
        words = "Withheld: held-out loops that are not independent make every model look good."
        return section("prediction", title, tag("p", words))
    sides, intervals = order_sides(bits), metrics["bits_interval"]
    most = max(value for side in sides for value in bits[side].values())
    rows: list[tuple[Html, ...]] = []
    for name, (label, what) in MODELS.items():
        color = "vermilion" if name == "model" else "shade"
        cells = (
            join(
                [
                    f"{bits[side][name]:.3f}",
                    _interval(intervals[side].get(name)),
                    bar(bits[side][name] / most, color),
                ]
            )
            for side in sides
        )
        rows.append((join([label, tag("small", what)]), *cells))
    less = [intervals[side][_LESS] for side in sides]
    rows.append(
        (
            join(["Model less n-gram", tag("small", "on the same loops")]),
            *(join([f"{found['difference']:+.3f}", _interval(found, "+")]) for found in less),
        )
    )
    return section(
        "prediction",
        title,
        table(
            ("", *(side.capitalize() for side in sides)),
            rows,
            caption="Bits per step, lower is better; below, the 95% interval over sources",
            ours=rows[0][0],
        ),
        figures.get("bits", ""),
        tag("h3", "Does it know how sure it may be?"),
        tag("p", _describe_calibration(metrics)),
        figures.get("calibration", ""),
    )


def _interval(found: Mapping[str, float] | None, sign: str = "") -> Html:
    if found is None or found["high"] - found["low"] < 0.0005:
        return Html()
    return tag("small", f"{found['low']:{sign}.3f} to {found['high']:{sign}.3f}")


def _describe_calibration(metrics: Mapping[str, Any]) -> str:
    errors = metrics["calibration"]
    by_voice = {name: x for name, x in errors.items() if name not in ("top_word", "voices")}
    worst = max(by_voice, key=lambda name: by_voice[name])
    return (
        f"The likeliest word is the one in {percent(metrics['accuracy'])} of the steps; its "
        f"probability is off by {percent(errors['top_word'])} on average. That of a voice's hit is "
        f"off by {percent(errors['voices'])}, at most by {percent(by_voice[worst])}, the "
        f"{worst.replace('_', ' ')}'s."
    )

"""The evaluation as a page: what the audit says, how the model does, and how it sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

from trapgen.errors import ParameterError
from trapgen.report.chart import bar
from trapgen.report.gallery import image, require, samples_section
from trapgen.report.learning import CAPTION, KEYS, learning_section
from trapgen.report.page import (
    Html,
    facts,
    join,
    order_sides,
    percent,
    section,
    sentence,
    table,
    tag,
    tiles,
    verdict,
    write_page,
)

_MODELS: Final = {
    "model": ("Model", "what was trained"),
    "ngram": ("Back-off n-gram", "the last words, and the same step a bar ago"),
    "position": ("Position in the bar", "how common each word is at each step"),
    "repeat_bar": ("Repeat the last bar", "the same step a bar ago"),
    "uniform": ("Uniform", "every word alike"),
}
_CAPTIONS: Final = {
    "history": CAPTION,
    "bits": "Bits per step of one side.",
    "overlap": "Exact bar overlap of the data against chance.",
    "features": "What can be counted in a loop: generated loops over training loops.",
}
_METRICS: Final = (
    "bits_per_step",
    "learning",
    "bar_accuracy",
    "exact_copy_rate",
    "novelty",
    "overlap_area",
)
_NOVELTY: Final = ("mean", "min", "held_out_mean")
_SUMMARY: Final = ("gate", "reasons", "protocol", "exact_bar_overlap", "chance_overlap")

_TERMS: Final = (
    (
        "Bits per step",
        "How surprised a model is by the next step of a loop that it does not know, on average. 0 "
        "is never surprised, 9 guesses among all 512 words. One bit less is half the surprise. "
        "BAR is not counted.",
    ),
    (
        "Baselines",
        "What needs no network, learned from the same training loops. A model that does not beat "
        "the n-gram by a wide margin has learned nothing worth keeping.",
    ),
    (
        "Leak gap",
        "Clean validation less the control, in bits per step. It is what a careless split would "
        "have hidden: the control is better because the model knows its bars from their "
        "surroundings and relatives, not because it predicts well.",
    ),
    (
        "Bars closed in time",
        "The model writes BAR where it believes that a bar ends. Without the grammar that enforces "
        "it, this share of bars came out at their full number of steps.",
    ),
    (
        "Distance to the nearest training loop",
        "Of all the hits of two loops, the share that only one of them has, under the best "
        "rotation by whole beats: 0 is a copy, 1 has no hit in common.",
    ),
    (
        "Overlap of features",
        "How much the distribution of a feature in generated loops and that in held-out loops "
        "cover each other: 1 is the same. Training loops against held-out ones show how much can "
        "be asked for.",
    ),
)


def write_evaluation_report(
    path: Path,
    metrics: Mapping[str, Any],
    summary: Mapping[str, Any],
    pictures: Mapping[str, Path],
    samples: Sequence[Mapping[str, Any]],
) -> None:
    """Write the evaluation as one page that needs nothing but itself and the samples' sound.

    Where the audit refused the data, figures on held-out loops and all pictures are withheld.

    Args:
        path: The HTML file; its folder is made.
        metrics: What `data/reports/metrics.json` holds; more keys than the documented may stand
            there.
        summary: What `data/audit/summary.json` holds.
        pictures: PNG files by name, embedded: `history`, `bits`, `overlap`, `features`, or others.
        samples: `name`, `picture` (a PNG, embedded) and `receipt` of each generated loop. Sound and
            MIDI are linked as `../samples/NAME.wav` and `.mid`.

    Raises:
        ParameterError: A documented key is missing, or a figure is not a finite number.
        InputError: A picture cannot be read.
    """
    require("metrics", metrics, _METRICS)
    require("metrics.learning", metrics["learning"], KEYS)
    require("metrics.novelty", metrics["novelty"], _NOVELTY)
    require("summary", summary, _SUMMARY)
    if not metrics["bits_per_step"]:
        raise ParameterError("metrics.bits_per_step", "a table of at least one side", {})
    for name in _METRICS:
        _check_finite(f"metrics.{name}", metrics[name])
    cleared = summary["gate"] == "pass"
    figures = {name: _embed(name, file) for name, file in pictures.items() if cleared}
    bits: Mapping[str, Mapping[str, float]] = metrics["bits_per_step"] if cleared else {}
    for side, by_model in bits.items():
        require(f"metrics.bits_per_step.{side}", by_model, tuple(_MODELS))
    reading = section("reading", "How to read this page", facts(_TERMS, style="terms"))
    sections = [
        ("prediction", "Prediction", _prediction_section(bits, figures)),
        ("learning", "Learning", _learning_section(metrics, figures, cleared)),
        ("music", "Music", _music_section(metrics, figures, cleared)),
        ("samples", "Samples", samples_section(samples)),
        ("data", "Data", _data_section(summary, figures)),
        ("reading", "How to read this page", reading),
    ]
    write_page(path, "Evaluation", _top(metrics, summary, bits), sections)


def _check_finite(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _check_finite(f"{name}.{key}", part)
    elif not isinstance(value, int | float) or not isfinite(value):
        raise ParameterError(name, "a finite number", value)


def _embed(name: str, file: Path) -> Html:
    """A picture within the page, with its caption."""
    words = _CAPTIONS.get(name, sentence(name.replace("_", " ")))
    figure = tag("figure", image(file, words), tag("figcaption", words))
    if name != "bits":
        return figure
    # The table above it says the same; the picture is for slides.
    return tag("details", tag("summary", "As a picture"), tag("div", figure, class_="body"))


def _top(
    metrics: Mapping[str, Any],
    summary: Mapping[str, Any],
    bits: Mapping[str, Mapping[str, float]],
) -> Html:
    novelty = metrics["novelty"]
    figures = [
        (percent(metrics["bar_accuracy"]), "of bars closed in time, with no grammar to help"),
        (percent(metrics["exact_copy_rate"]), "of generated bars stand in train, hit for hit"),
        (f"{novelty['mean']:.2f}", "mean distance to the nearest training loop; 0 is a copy"),
    ]
    if not bits:
        reasons = (tag("li", sentence(reason)) for reason in summary["reasons"])
        words = "No figure on held-out loops: the audit refused the data"
        top = verdict("AUDIT: REFUSE", words, tag("ul", *reasons), passes=False)
        return join([top, tiles(figures)])
    side = order_sides(bits)[-1]
    ours, best = bits[side]["model"], _best_baseline(bits[side])
    rival, theirs = _MODELS[best][0].lower(), bits[side][best]
    figures.insert(0, (f"{ours:.2f}", f"bits per step on {side} loops; the {rival}: {theirs:.2f}"))
    if ours < theirs:
        headline = f"{1 - ours / theirs:.0%} fewer bits per step than the best baseline"
    else:
        headline = f"The {rival} predicts as well as the model, or better"
    words = (
        f"On {side} loops, which share no source with the training loops, the model needs "
        f"{ours:.2f} bits per step and the {rival} {theirs:.2f}. The audit passed the data: "
        f"{percent(summary['exact_bar_overlap'])} of held-out bars stand in train."
    )
    top = verdict("AUDIT: PASS", headline, tag("p", words), passes=ours < theirs)
    return join([top, tiles(figures)])


def _best_baseline(by_model: Mapping[str, float]) -> str:
    return min((name for name in _MODELS if name != "model"), key=lambda name: by_model[name])


def _prediction_section(
    bits: Mapping[str, Mapping[str, float]], figures: Mapping[str, Html]
) -> Html:
    title = "How well it predicts loops that it does not know"
    if not bits:
        words = "Withheld: held-out loops that are not independent make every model look good."
        return section("prediction", title, tag("p", words))
    sides = order_sides(bits)
    most = max(value for side in sides for value in bits[side].values())
    rows = []
    for name, (label, what) in _MODELS.items():
        color = "vermilion" if name == "model" else "shade"
        cells = (
            join([f"{bits[side][name]:.3f}", bar(bits[side][name] / most, color)]) for side in sides
        )
        rows.append((join([label, tag("small", what)]), *cells))
    return section(
        "prediction",
        title,
        table(
            ("", *(side.capitalize() for side in sides)),
            rows,
            caption="Bits per step, lower is better",
            ours=rows[0][0],
        ),
        figures.get("bits", ""),
    )


def _learning_section(
    metrics: Mapping[str, Any], figures: Mapping[str, Html], cleared: bool
) -> Html:
    if cleared:
        return learning_section(metrics["learning"], figures.get("history", Html()))
    words = "Withheld: where validation is not independent, its curve is a control that leaks too."
    return section("learning", "What the learning curve says", tag("p", words))


def _music_section(metrics: Mapping[str, Any], figures: Mapping[str, Html], cleared: bool) -> Html:
    novelty, ceiling = metrics["novelty"], metrics.get("overlap_area_ceiling", {})
    rows: list[tuple[str, object]] = [
        ("Bars closed in time", percent(metrics["bar_accuracy"])),
        ("Generated bars that stand in train", percent(metrics["exact_copy_rate"])),
        ("Distance to the nearest training loop, mean", f"{novelty['mean']:.3f}"),
        ("Distance to the nearest training loop, least", f"{novelty['min']:.3f}"),
    ]
    if cleared:
        rows.append(("The same of held-out human loops, mean", f"{novelty['held_out_mean']:.3f}"))
    areas = [
        (
            name.replace("_", " ").capitalize(),
            join([f"{area:.2f}", bar(area, "vermilion")]),
            *([join([f"{ceiling[name]:.2f}", bar(ceiling[name])])] if name in ceiling else []),
        )
        for name, area in metrics["overlap_area"].items()
    ]
    head = ("Feature", "Generated", "Training")[: 3 if ceiling else 2]
    caption = "Overlap with held-out loops by feature, 1 is the same distribution"
    return section(
        "music",
        "What it writes",
        table(("", "Generated loops"), rows, caption="With no grammar and at temperature 1"),
        table(head, areas, caption=caption) if cleared and areas else "",
        *(figures[name] for name in figures if name == "features" or name not in _CAPTIONS),
    )


def _data_section(summary: Mapping[str, Any], figures: Mapping[str, Html]) -> Html:
    chance = summary["chance_overlap"]
    by_chance = (
        f"sides dealt independently share {percent(chance['low'])} to {percent(chance['high'])}"
        if chance["replicates"]
        else "what chance gives is not known"
    )
    words = (
        f"Sides were made {summary['protocol'].replace('_', ' ')}. "
        f"{percent(summary['exact_bar_overlap'])} of the held-out bars stand in train; {by_chance}."
    )
    return section(
        "data",
        "What the figures rest on",
        tag("p", words, " ", tag("a", "The audit's own page", href="../audit/report.html"), "."),
        figures.get("overlap", ""),
    )

"""The evaluation as a page: what the audit says, how the model does, and how it sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

from trapgen.core import ParameterError
from trapgen.report.gallery import image, require, samples_section
from trapgen.report.goals import count_goals, goals_section
from trapgen.report.learning import CAPTION, KEYS, learning_section
from trapgen.report.music import music_section
from trapgen.report.page import (
    Html,
    facts,
    join,
    order_sides,
    percent,
    section,
    sentence,
    tag,
    tiles,
    verdict,
    write_page,
)
from trapgen.report.prediction import MODELS, prediction_section

_CAPTIONS: Final = {
    "history": CAPTION,
    "bits": "Bits per step of one side.",
    "calibration": "On the dashed line what is called likely happens as often as it is said to.",
    "covers": "How much of what training loops overlap with held-out loops generated ones do. A "
    "line is the 95% interval over sources and draws; orange lies below the goal.",
    "distances": "Generated loops over held-out human loops.",
    "overlap": "Exact bar overlap of the data against chance.",
    "features": "What can be counted in a loop: generated loops over training loops.",
}
_METRICS: Final = (
    *("bits_per_step", "bits_interval", "calibration", "learning", "bar_accuracy", "bar_closure"),
    *("copies", "novelty", "overlap", "snare_on_3", "goals"),
)
_NOVELTY: Final = ("mean", "min", "held_out_mean", "generated", "held_out")
_SUMMARY: Final = ("gate", "reasons", "protocol", "exact_bar_overlap", "chance_overlap")
_ELSEWHERE: Final = ("history", "bits", "calibration", "overlap")
"""Pictures that do not stand among those of the music."""

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
        "Intervals",
        "Loops that were recombined share parents, so that what is resampled is the sources: a "
        "loop counts as often as all of its parents are drawn (Owen and Eckles 2012). Other "
        "sources would have given a figure within these bounds 95 times in 100.",
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
        "cover each other: 1 is the same. As many training loops, against the same held-out ones, "
        "show how much can be asked for; the ratio of both is what counts.",
    ),
    (
        "Calibration",
        "Of all hits that the model gives one chance in three, one in three should come. What it "
        "is off by, over all predictions, is the expected calibration error (Guo et al. 2017).",
    ),
)


def write_evaluation_report(
    path: Path,
    metrics: Mapping[str, Any],
    summary: Mapping[str, Any],
    pictures: Mapping[str, Path],
    samples: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
) -> None:
    """Write the evaluation as one page that needs nothing but itself and the samples' sound.

    Where the audit refused the data, figures on held-out loops and all pictures are withheld.

    Args:
        path: The HTML file; its folder is made.
        metrics: What `data/reports/metrics.json` holds; more keys than the documented may stand
            there.
        summary: What `data/audit/summary.json` holds.
        pictures: PNG files by name, embedded: `history`, `bits`, `calibration`, `covers`,
            `distances`, `features`, `overlap`, or others.
        samples: `name`, `picture` (a PNG, embedded) and `receipt` of each generated loop. Sound and
            MIDI are linked as `../samples/NAME.wav` and `.mid`.
        groups: The features that a goal judges, by its name.

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
        require(f"metrics.bits_per_step.{side}", by_model, tuple(MODELS))
    of_music = {name: figure for name, figure in figures.items() if name not in _ELSEWHERE}
    prediction = prediction_section({**metrics, "bits_per_step": bits}, figures)
    reading = section("reading", "How to read this page", facts(_TERMS, style="terms"))
    sections = [
        *([("goals", "Goals", goals_section(metrics, groups))] if cleared else []),
        ("prediction", "Prediction", prediction),
        ("learning", "Learning", _learning_section(metrics, figures, cleared)),
        ("music", "Music", music_section(metrics, of_music, cleared)),
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
    folded = {"bits": "As a picture", "features": "The distributions themselves"}
    if name not in folded:
        return figure
    return tag("details", tag("summary", folded[name]), tag("div", figure, class_="body"))


def _top(
    metrics: Mapping[str, Any], summary: Mapping[str, Any], bits: Mapping[str, Mapping[str, float]]
) -> Html:
    novelty = metrics["novelty"]
    figures = [
        (percent(metrics["bar_accuracy"]), "of bars closed in time, with no grammar to help"),
        (percent(metrics["copies"]["1_bar"]["generated"]), "of generated bars stand in train"),
        (f"{novelty['mean']:.2f}", "mean distance to the nearest training loop; 0 is a copy"),
    ]
    if not bits:
        reasons = (tag("li", sentence(reason)) for reason in summary["reasons"])
        words = "No figure on held-out loops: the audit refused the data"
        top = verdict("AUDIT: REFUSE", words, tag("ul", *reasons), passes=False)
        return join([top, tiles(figures)])
    side = order_sides(bits)[-1]
    ours, best = bits[side]["model"], _best_baseline(bits[side])
    rival, theirs = MODELS[best][0].lower(), bits[side][best]
    figures.insert(0, (f"{ours:.2f}", f"bits per step on {side} loops; the {rival}: {theirs:.2f}"))
    if ours < theirs:
        headline = f"{1 - ours / theirs:.0%} fewer bits per step than the best baseline"
        headline = f"{count_goals(metrics['goals'])}, {headline}"
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
    return min((name for name in MODELS if name != "model"), key=lambda name: by_model[name])


def _learning_section(
    metrics: Mapping[str, Any], figures: Mapping[str, Html], cleared: bool
) -> Html:
    if cleared:
        return learning_section(metrics["learning"], figures.get("history", Html()))
    words = "Withheld: where validation is not independent, its curve is a control that leaks too."
    return section("learning", "What the learning curve says", tag("p", words))


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

"""The evaluation as a page: its values; what it says stands in `templates/evaluation.html.j2`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from trapgen.audit import Chance
from trapgen.core import InputError, ParameterError
from trapgen.report.chart import Chart, Share
from trapgen.report.page import order_sides, write_page

_METRICS: Final = (
    *("bits_per_step", "bits_interval", "calibration", "learning", "bar_accuracy", "bar_closure"),
    *("copies", "novelty", "overlap", "snare_on_3", "goals"),
    *("outside", "facts", "different_bars"),
)
_LEARNING: Final = ("best_epoch", "validation", "control_loss", "leak_gap", "first_leak_gap")
_NOVELTY: Final = ("mean", "min", "held_out_mean", "generated", "held_out")
_SUMMARY: Final = ("gate", "reasons", "protocol", "exact_bar_overlap", "chance_overlap")
_BASELINES: Final = ("lag_copy", "ngram", "position", "repeat_bar", "uniform")
_SAMPLE: Final = ("name", "picture", "receipt")
_RECEIPT: Final = (
    *("loop", "seed", "temperature", "top_p", "structure"),
    *("bpm", "primer", "model", "nearest"),
)
_SAMPLES: Final = "../samples"
"""Where the samples lie, seen from the page."""

_DRAWN: Final = ("bits", "overlap")
"""Pictures that the page draws by itself."""


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
        metrics: What `data/reports/details.json` holds; more keys than the documented may stand
            there.
        summary: What `data/audit/summary.json` holds.
        pictures: PNG files by name, embedded: `history`, `calibration`, `covers`, `distances`,
            `features`, or others; `bits` and `overlap` are drawn by the page itself.
        samples: `name`, `picture` (a PNG, embedded) and `receipt` of each generated loop. Sound and
            MIDI are linked as `../samples/NAME.wav` and `.mid`.
        groups: The features that a goal judges, by its name.

    Raises:
        ParameterError: A documented key is missing, or a figure is not a finite number.
        InputError: A picture cannot be read.
    """
    _require("metrics", metrics, _METRICS)
    _require("metrics.learning", metrics["learning"], _LEARNING)
    _require("metrics.novelty", metrics["novelty"], _NOVELTY)
    _require("summary", summary, _SUMMARY)
    bits = metrics["bits_per_step"]
    if not bits:
        raise ParameterError("metrics.bits_per_step", "a table of at least one side", {})
    for name in set(_METRICS) - {"outside"}:
        _check_finite(f"metrics.{name}", metrics[name])
    for side, by_model in bits.items():
        _require(f"metrics.bits_per_step.{side}", by_model, ("model", *_BASELINES))
    cleared = summary["gate"] == "pass"
    values = {
        "metrics": metrics,
        "summary": summary,
        "cleared": cleared,
        "sides": order_sides(bits),
        # The baseline that needs the fewest bits on the last side, which the page is judged by.
        "best": min(_BASELINES, key=bits[order_sides(bits)[-1]].__getitem__),
        "most_bits": max(value for by_model in bits.values() for value in by_model.values()),
        "goals": _sort_goals(metrics, groups),
        "outside": [_describe_exam(*named) for named in metrics["outside"].items()],
        "facts": _list_facts(metrics),
        "overlap": sorted(metrics["overlap"].items(), key=lambda item: item[1]["ratio"]),
        "worst_voice": max(
            (name for name in metrics["calibration"] if name not in ("top_word", "voices")),
            key=metrics["calibration"].__getitem__,
        ),
        "bar_chart": Chart([_share(summary)]),
        "pictures": {
            name: _embed(file) for name, file in pictures.items() if cleared and name not in _DRAWN
        },
        "samples": [_describe_sample(sample) for sample in samples],
    }
    write_page(path, "evaluation.html.j2", values)


def _require(name: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    if missing := [key for key in keys if key not in table]:
        raise ParameterError(name, f"a table with {', '.join(missing)}", list(table))


def _check_finite(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _check_finite(f"{name}.{key}", part)
    elif not isinstance(value, int | float) or not isfinite(value):
        raise ParameterError(name, "a finite number", value)


def _sort_goals(
    metrics: Mapping[str, Any], groups: Mapping[str, Sequence[str]]
) -> list[tuple[str, Mapping[str, float], str]]:
    """Names of goals, their figures and the feature of the least ratio; missed ones first."""
    ratios = {name: found["ratio"] for name, found in metrics["overlap"].items()}
    return [
        (name, goal, min(groups[name], key=ratios.__getitem__) if name in groups else "")
        for name, goal in sorted(metrics["goals"].items(), key=lambda item: bool(item[1]["holds"]))
    ]


def _describe_exam(name: str, exam: Mapping[str, Any]) -> dict[str, Any]:
    """A set from outside with its best baseline, and whether the model is better."""
    bits = exam["bits_per_step"] if exam["loops"] else {}
    best = min(_BASELINES, key=bits.__getitem__) if bits else ""
    return {**exam, "name": name, "best": best, "won": bool(bits) and bits["model"] < bits[best]}


def _list_facts(metrics: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    """Facts of the sets from outside, of the generated loops, and of the corpus."""
    outside = [(name, exam["facts"]) for name, exam in metrics["outside"].items() if exam["loops"]]
    return [*outside, *((name.capitalize(), of) for name, of in metrics["facts"].items())]


def _share(summary: Mapping[str, Any]) -> Share:
    chance = summary["chance_overlap"]
    found = Chance(*(chance[key] for key in ("mean", "low", "high", "replicates", "method")))
    return Share("bars", summary["exact_bar_overlap"], found)


def _embed(file: Path) -> str:
    """A PNG file in Base64."""
    try:
        return b64encode(file.read_bytes()).decode("ascii")
    except OSError as error:
        raise InputError(file, "unreadable", error.strerror, "Draw the picture again.") from error


def _describe_sample(sample: Mapping[str, Any]) -> dict[str, Any]:
    _require("sample", sample, _SAMPLE)
    name = str(sample["name"])
    _require(f"receipt of {name}", sample["receipt"], _RECEIPT)
    return {
        "name": name,
        "place": f"{_SAMPLES}/{quote(name)}",
        "picture": _embed(Path(sample["picture"])),
        "receipt": sample["receipt"],
    }

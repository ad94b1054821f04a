"""The model's card (Mitchell et al. 2019, arXiv 1810.03993): data, licenses, figures, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from trapgen.core import write_text
from trapgen.ingest import CREDIT
from trapgen.model import list_styles, load_network

NAME: Final = "MODEL_CARD.md"

_GOALS: Final = {
    "beats_lag_copy": "bits per step minus those of `lag_copy`, upper end of the interval",
    "bars_closed_1.0": "bars closed at the right step without the grammar, at temperature 1",
    "bars_closed_1.2": "the same at temperature 1.2",
    "features": "overlap with held-out loops relative to its ceiling, minimum over onset features",
    "velocity": "the same for velocities",
    "timing": "the same for timing",
    "hats_roll": "the same for the rate of rolls",
    "kicks_move": "the same for the variety of kicks",
    "snare_on_3": "bars with a snare on 3, not enforced",
    "copies_2_bars": "windows of two bars that occur in training data",
}
_SIDES: Final = ("validation", "test")
_PREDICTORS: Final = ("model", "lag_copy", "ngram")


def write_card(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write `MODEL_CARD.md`.

    Args:
        folder: The model's folder.
        figures: Content of its `figures.json`.
    """
    grid = figures["steps_per_bar"]
    network = load_network(folder)
    paragraphs = (
        f"# trapgen's packaged model, {grid} steps per bar",
        "Generates trap drum loops, and drums of other styles: one word of nine voices per step, "
        f"then velocity and microtiming of each hit. {_count(network.weights)} weights of 16 bits; "
        f"{figures['bytes'] / 1e6:.1f} MB with the training index, which receipts use.",
        "## Data and licenses",
        _describe_data(figures["n_bars"]),
        "### Groove MIDI Dataset",
        CREDIT.strip(),
        "Changes: performances in 4/4 are quantized to a grid and mapped to nine voices. "
        "`weights.safetensors` and `humanizer.safetensors` were trained on them; `hits.parquet` "
        "contains their hits, with constant velocity and without microtiming.",
        "### Starter corpus",
        "The starter corpus was written for trapgen. It and the weights are under trapgen's "
        "license, MIT. No other data was used.",
        "## Prediction",
        "Bits per step, lower is better. Groove's published split; the same drummers play in all "
        "of its splits, and some bars occur in two, as `trapgen audit` reports. The starter corpus "
        "is split by independent sources and cleared by the audit. The epoch was chosen on "
        f"validation; test was read once. {_tell_untold(figures['groove'])}",
        _make_table(("", *_PREDICTORS), _list_bits(figures)),
        _describe_humanizer(figures["humanizer"]),
        "## Generated loops",
        "Loops at temperature 1 in style trap, compared with held-out loops of the starter corpus; "
        f"{figures['starter']['bar_closure']['1.0']['bars']} bars.",
        _make_table(("", "found", "wanted", ""), _list_goals(figures["starter"]["goals"])),
        "## Styles",
        "Styles: " + ", ".join(f"`{name}`" for name in list_styles(network.spec)) + ".",
        "## Limits",
        "- Its trap comes from one small corpus by one author, and it does not know what that "
        "leaves out. No listening test was done.\n"
        "- Velocities and timing of trap loops are programmed in the corpus; played timing is "
        "learned from Groove's drummers.\n"
        "- Only 4/4, and only the grid's steps: at 16 per bar there are no 32nd rolls.\n"
        "- Receipts compare hits, not sounds, and only with this model's training data: they say "
        "nothing about records that a loop may resemble.",
        "## Reproduction",
        "`python -m training.pretrain GROOVE --out DIR --steps-per-bar "
        f"{grid}`, with a copy of the dataset, reproduces it from data to bytes; the card and "
        "`figures.json` come from the same run.",
    )
    write_text(folder / NAME, "\n\n".join(paragraphs) + "\n")


def _count(weights: Mapping[str, Any]) -> str:
    return f"{sum(array.size for array in weights.values()):,}"


def _describe_data(n_bars: Mapping[str, Mapping[str, int]]) -> str:
    return (
        f"The train split of the Groove MIDI Dataset, {n_bars['groove']['train']:,} bars played "
        f"by drummers, and trapgen's starter corpus, {n_bars['starter']['train']:,} bars "
        "recombined from the sources of its train split."
    )


def _tell_untold(groove: Mapping[str, Mapping[str, float]]) -> str:
    untold = " and ".join(f"{groove[side]['model_told_nothing']:.3f}" for side in _SIDES)
    return (
        "Style, tempo, and beat or fill of each loop are inputs; without them, Groove's validation "
        f"and test cost {untold}."
    )


def _list_bits(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, bits in (
        ("Groove", figures["groove"]),
        ("starter", figures["starter"]["bits_per_step"]),
    ):
        rows += [
            (f"{name}, {side}", *(f"{bits[side][who]:.3f}" for who in _PREDICTORS))
            for side in _SIDES
        ]
    return rows + [(name, f"{bits:.3f}", "", "") for name, bits in figures["others"].items()]


def _describe_humanizer(bits: Mapping[str, float]) -> str:
    listed = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in bits.items())
    return f"Humanizer, bits per hit on both validation splits: {listed}."


def _list_goals(goals: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, what in _GOALS.items():
        if name in goals:
            goal = goals[name]
            is_most = name in ("beats_lag_copy", "copies_2_bars")
            wanted = f"{'at most' if is_most else 'at least'} {goal['bound']:.3g}"
            verdict = "holds" if goal["holds"] else "does not hold"
            rows.append((what, f"{goal['value']:.3f}", wanted, verdict))
    return rows


def _make_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

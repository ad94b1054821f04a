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
    "beats_ngram": "bits per step more than the n-gram, upper end of the interval",
    "bars_closed_1.0": "bars closed at the right step, unaided, at temperature 1",
    "bars_closed_1.2": "the same at temperature 1.2",
    "features": "overlap with held-out loops over its ceiling, least of all features of hits",
    "velocity": "the same of velocities",
    "timing": "the same of timing",
    "hats_roll": "the same of the rate of rolls",
    "kicks_move": "the same of how much kicks move",
    "snare_on_3": "bars with a snare on 3, not forced",
    "copies_2_bars": "windows of two bars that stand in training data",
}
_SIDES: Final = ("validation", "test")


def write_card(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write `MODEL_CARD.md`.

    Args:
        folder: The model's folder.
        figures: What stands in its `figures.json`.
    """
    grid = figures["steps_per_bar"]
    network = load_network(folder)
    paragraphs = (
        f"# trapgen's packaged model, {grid} steps a bar",
        "Writes trap drum loops, and other drums by style: a word of nine voices a step, then how "
        f"hard and how early each hit is played. {_count(network.weights)} weights of 16 bits; "
        f"{figures['bytes'] / 1e6:.1f} MB with the words that its receipts are measured against.",
        "## Data and licenses",
        _describe_data(figures["n_bars"]),
        "### Groove MIDI Dataset",
        CREDIT.strip(),
        "Changes: performances in 4/4 are put on a grid and on nine voices. "
        "`weights.safetensors` and `humanizer.safetensors` were learned from them; `hits.parquet` "
        "holds their hits, all as loud as one another and in time.",
        "### Starter corpus",
        "The starter corpus was written for trapgen. It and the weights are under trapgen's "
        "license, MIT. Nothing else went in.",
        "## How well it predicts",
        "Bits per step, less is better. Groove's published split; the same drummers play on all "
        "of its sides, and some bars stand on two, as `trapgen audit` says. The starter corpus is "
        "split by independent sources and cleared by the audit. The epoch was chosen on "
        f"validation; test was read once. {_tell_untold(figures['groove'])}",
        _make_table(("", "model", "n-gram"), _list_bits(figures)),
        _describe_humanizer(figures["humanizer"]),
        "## What it writes",
        f"Loops at temperature 1, told to be trap, against held-out loops of the starter corpus; "
        f"{figures['starter']['bar_closure']['1.0']['bars']} bars.",
        _make_table(("", "found", "wanted", ""), _list_goals(figures["starter"]["goals"])),
        "## Styles",
        "It may be asked for " + ", ".join(f"`{name}`" for name in list_styles(network.spec)) + ".",
        "## Limits",
        "- Its trap comes from one small corpus by one hand: what that leaves out, it does not "
        "know. It was not compared with other people's taste.\n"
        "- Velocities and timing of trap loops are programmed in the corpus; played timing is "
        "borrowed from Groove's drummers.\n"
        "- 4/4 alone, and the grid's steps: at 16 a bar there are no 32nd rolls.\n"
        "- Receipts compare hits, not sounds, and know only what this model learned from: they "
        "say nothing of records that a loop may resemble.",
        "## Again",
        "`python -m training.pretrain GROOVE --out DIR --steps-per-bar "
        f"{grid}`, with a copy of the dataset, trains it anew from data to bytes; the card and "
        "`figures.json` come out of the same run.",
    )
    write_text(folder / NAME, "\n\n".join(paragraphs) + "\n")


def _count(weights: Mapping[str, Any]) -> str:
    return f"{sum(array.size for array in weights.values()):,}"


def _describe_data(n_bars: Mapping[str, Mapping[str, int]]) -> str:
    return (
        f"The training side of the Groove MIDI Dataset, {n_bars['groove']['train']:,} bars played "
        f"by drummers, and trapgen's starter corpus, {n_bars['starter']['train']:,} bars "
        "recombined from the sources of its training side."
    )


def _tell_untold(groove: Mapping[str, Mapping[str, float]]) -> str:
    untold = " and ".join(f"{groove[side]['model_told_nothing']:.3f}" for side in _SIDES)
    return (
        "Models are told style, tempo and beat or fill of each loop; told nothing, Groove's sides "
        f"cost {untold}."
    )


def _list_bits(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, bits in (
        ("Groove", figures["groove"]),
        ("starter", figures["starter"]["bits_per_step"]),
    ):
        rows += [
            (f"{name}, {side}", f"{bits[side]['model']:.3f}", f"{bits[side]['ngram']:.3f}")
            for side in _SIDES
        ]
    return rows + [(name, f"{bits:.3f}", "") for name, bits in figures["others"].items()]


def _describe_humanizer(bits: Mapping[str, float]) -> str:
    listed = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in bits.items())
    return f"How hits are played, bits a hit on both validation sides: {listed}."


def _list_goals(goals: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, what in _GOALS.items():
        if name in goals:
            goal = goals[name]
            is_most = name in ("beats_ngram", "copies_2_bars")
            wanted = f"{'at most' if is_most else 'at least'} {goal['bound']:.3g}"
            verdict = "holds" if goal["holds"] else "does not hold"
            rows.append((what, f"{goal['value']:.3f}", wanted, verdict))
    return rows


def _make_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

"""Pretrain on the Groove MIDI Dataset, and judge on the split that it was published with.

`python -m trapgen.pretrain GROOVE --out DIR` reads a copy of the dataset, learns its training side,
chooses the epoch by its validation side, and writes the network with its attribution into DIR. The
figures are bits per step on 4/4 performances, beside those of the back-off n-gram; the test side
is read once, at the end. `--text` adds encoded loops to the training side, `--judge` scores other
folders.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trapgen.baselines import baseline_bits
from trapgen.codec import Codec, read_lines, to_words
from trapgen.importers.groove import ATTRIBUTION, INFO, parse_info
from trapgen.loop import DrumLoop
from trapgen.metrics import model_bits
from trapgen.model import (
    ModelSpec,
    Network,
    Tokens,
    list_conditions,
    load_start,
    name_conditions,
    number_conditions,
    save_network,
)
from trapgen.model.conditions import Names
from trapgen.params import SIDES, StandardizeParams, TrainParams
from trapgen.standardize import Standardized, read_folder
from trapgen.store import write_json, write_text
from trapgen.train import (
    Conditions,
    Epoch,
    Trained,
    train_network,
    vary_loops,
    write_history,
)

PARAMS: Final = TrainParams(
    units=256,
    dropout=0.35,
    learning_rate=0.003,
    window_bars=6,
    lookback_bars=4,
    recall_bars=16,
    epochs=12,
    patience=12,
    control_share=0.01,
)
TEXT_CONDITIONS: Final = name_conditions("trap")
"""Told of loops that come as text."""


@dataclass(frozen=True)
class Side:
    """Performances of one side, and what is known of each."""

    loops: list[DrumLoop]
    names: list[Names]

    @property
    def words(self) -> list[Tokens]:
        """`(n_steps,)` words of each."""
        return [to_words(loop) for loop in self.loops]


def read_groove(folder: Path, steps_per_bar: int) -> dict[str, Side]:
    """Groove's 4/4 performances by published side, as played: no tempo doubled or halved."""
    labels = parse_info(folder / INFO, (folder / INFO).read_bytes()) or {}
    sides = {side: Side([], []) for side in SIDES}
    params = StandardizeParams(steps_per_bar, feel="keep", by_name=False, key_map="roland_td11")
    for found in read_folder(folder, params):
        if isinstance(found, Standardized):
            known = labels[found.source_path]
            side = sides[known["split"]]
            side.loops.append(found.loop)
            side.names.append(name_conditions(known["style"], float(known["bpm"]), known["kind"]))
    return sides


def read_words(folder: Path, steps_per_bar: int) -> list[Tokens]:
    """Words of every MIDI file of a folder."""
    read = read_folder(folder, StandardizeParams(steps_per_bar))
    return [to_words(found.loop) for found in read if isinstance(found, Standardized)]


def show_epoch(epoch: Epoch) -> None:
    """One line an epoch, to standard error."""
    print(
        f"epoch {epoch.epoch}: train {epoch.train:.4f}, validation {epoch.validation:.4f}, "
        f"{epoch.seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def pretrain(
    sides: Mapping[str, Side],
    text: Sequence[Tokens],
    params: TrainParams,
    steps_per_bar: int,
    *,
    variations: int,
    seed: int,
    checkpoint: Path,
    start: Network | None = None,
) -> Trained:
    """Learn the training side as it is and in so many variations, and the loops of a text."""
    train, validation = sides["train"], sides["validation"]
    words = train.words
    for at in range(variations):
        words += [to_words(loop) for loop in vary_loops(train.loops, seed + at)]
    words += text
    names = train.names * (1 + variations) + [TEXT_CONDITIONS] * len(text)
    codec = Codec(steps_per_bar)
    spec = start.spec if start else ModelSpec.of(params, codec, list_conditions(names))
    conditions = Conditions(
        number_conditions(names, spec), number_conditions(validation.names, spec)
    )
    return train_network(
        words,
        validation.words,
        spec,
        params,
        seed,
        conditions=conditions,
        start=start,
        checkpoint=checkpoint,
        on_epoch=show_epoch,
    )


def judge(network: Network, sides: Mapping[str, Side]) -> dict[str, dict[str, float]]:
    """Bits per step of the held-out sides, told all and told nothing, and of the n-gram."""
    steps_per_bar, train = network.spec.steps_per_bar, sides["train"].words
    return {
        side: {
            "model": model_bits(
                network, sides[side].words, number_conditions(sides[side].names, network.spec)
            ),
            "model_told_nothing": model_bits(network, sides[side].words),
            "ngram": baseline_bits(train, sides[side].words, steps_per_bar)["ngram"],
        }
        for side in ("validation", "test")
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("groove", type=Path, metavar="GROOVE", help="a copy of the dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for the network")
    parser.add_argument("--steps-per-bar", type=int, default=16)
    parser.add_argument("--text", type=Path, help="encoded loops to learn, too")
    parser.add_argument("--start", type=Path, help="a network to go on from, and its shape")
    parser.add_argument("--judge", type=Path, nargs="*", default=[], help="folders to score")
    parser.add_argument("--epochs", type=int, default=PARAMS.epochs)
    parser.add_argument("--units", type=int, default=PARAMS.units)
    parser.add_argument("--variations", type=int, default=2, help="of each training performance")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)
    params = replace(PARAMS, epochs=told.epochs, patience=told.epochs, units=told.units)
    sides = read_groove(told.groove, told.steps_per_bar)
    text = read_lines(told.text, told.steps_per_bar) if told.text else []
    start = load_start(told.start, Codec(told.steps_per_bar)) if told.start else None
    started = time.perf_counter()
    trained = pretrain(
        sides,
        text,
        params,
        told.steps_per_bar,
        variations=told.variations,
        seed=told.seed,
        checkpoint=told.out / "checkpoint",
        start=start,
    )
    minutes = (time.perf_counter() - started) / 60
    save_network(told.out, trained.network)
    write_history(told.out / "history.csv", trained.history)
    write_text(told.out / "ATTRIBUTION.md", ATTRIBUTION)
    others = {
        folder.name: model_bits(trained.network, read_words(folder, told.steps_per_bar))
        for folder in told.judge
    }
    figures = {
        "n_bars": {side: sum(loop.n_bars for loop in sides[side].loops) for side in SIDES},
        "best_epoch": trained.best_epoch,
        "minutes": round(minutes, 1),
        "weights_bytes": (told.out / "weights.npz").stat().st_size,
        "bits_per_step": judge(trained.network, sides) | others,
    }
    write_json(told.out / "figures.json", figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

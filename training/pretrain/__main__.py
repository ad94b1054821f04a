"""Train a packaged model on Groove and the starter corpus, and write its card.

`python -m training.pretrain GROOVE --out DIR` reads a copy of the Groove MIDI Dataset and trains on
the train splits of Groove and of the starter corpus. The epoch is chosen on validation; test is
read once, at the end. DIR is then a model's folder for `trapgen generate --model`, with
`figures.json`, and `MODEL_CARD.md` with the attribution.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from training.pretrain.card import write_card
from training.pretrain.figures import judge
from training.pretrain.folder import save_model
from training.pretrain.learn_humanizer import learn_humanizer
from training.pretrain.learn_words import PARAMS, VARIATIONS, learn_words
from training.pretrain.sides import read_groove, read_starter
from trapgen.core import SIDES, write_json
from trapgen.model.training import clear_checkpoint, write_history

STARTER_LOOPS: Final = 2400
"""Number of recombined training loops."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, evaluate, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("groove", type=Path, metavar="GROOVE", help="a copy of the dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--steps-per-bar", type=int, default=32)
    parser.add_argument("--starter-loops", type=int, default=STARTER_LOOPS)
    parser.add_argument("--variations", type=int, default=VARIATIONS, help="per performance")
    parser.add_argument("--epochs", type=int, default=PARAMS.epochs)
    parser.add_argument("--units", type=int, default=PARAMS.units)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", type=Path, nargs="*", default=[], help="folders to score")
    options = parser.parse_args(arguments)
    params = replace(PARAMS, epochs=options.epochs, patience=options.epochs, units=options.units)
    groove = read_groove(options.groove, options.steps_per_bar)
    starter = read_starter(options.steps_per_bar, options.starter_loops, options.seed)
    trained = learn_words(
        groove,
        starter.sides,
        params,
        options.steps_per_bar,
        variations=options.variations,
        seed=options.seed,
        checkpoint=options.out / "checkpoint",
    )
    humanizer = learn_humanizer(groove, starter.sides, trained.network.spec, options.seed)
    save_model(options.out, trained.network, humanizer, groove, starter.sides)
    write_history(options.out / "history.csv", trained.history)
    clear_checkpoint(options.out / "checkpoint")
    figures = {
        "steps_per_bar": options.steps_per_bar,
        "n_bars": {
            name: {side: sides[side].n_bars for side in SIDES}
            for name, sides in (("groove", groove), ("starter", starter.sides))
        },
        "best_epoch": trained.best_epoch,
        **judge(options.out, groove, starter, options.judge, options.seed),
    }
    write_json(options.out / "figures.json", figures)
    write_card(options.out, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

"""Training of the word network on Groove, as played and varied, and on the starter's loops."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from training.pretrain.sides import Side, Sides
from trapgen.core import Codec, TrainParams
from trapgen.evaluate import baseline_bits, model_bits
from trapgen.model import ModelSpec, Network, list_conditions, number_conditions
from trapgen.model.training import Conditions, Epoch, Trained, train_network, vary_loops

PARAMS: Final = TrainParams(
    units=256,
    dropout=0.25,
    learning_rate=0.003,
    window_bars=6,
    lookback_bars=4,
    recall_bars=16,
    epochs=9,
    patience=9,
    control_share=0.01,
)

VARIATIONS: Final = 1
"""Variations of each training performance, beside itself."""


def learn_words(
    groove: Sides,
    starter: Sides,
    params: TrainParams,
    steps_per_bar: int,
    *,
    variations: int,
    seed: int,
    checkpoint: Path,
) -> Trained:
    """Train on both train splits; clean validation of both selects the epoch.

    Args:
        groove: Performances by split.
        starter: Loops by split.
        params: Network and training.
        steps_per_bar: The grid.
        variations: Number per training performance (see `trapgen.model.training.vary_loops`).
        seed: Random seed.
        checkpoint: Folder from which an interrupted training resumes.
    """
    played = groove["train"]
    train = played
    for at in range(variations):
        train += Side(vary_loops(played.loops, seed + at), played.names)
    train += starter["train"]
    validation = groove["validation"] + starter["validation"]
    spec = ModelSpec.of(params, Codec(steps_per_bar), list_conditions(train.names))
    conditions = Conditions(*(number_conditions(x.names, spec) for x in (train, validation)))
    return train_network(
        train.words,
        validation.words,
        spec,
        params,
        seed,
        conditions=conditions,
        checkpoint=checkpoint,
        on_epoch=_show_epoch,
    )


def _show_epoch(epoch: Epoch) -> None:
    print(
        f"epoch {epoch.epoch}: train {epoch.train:.4f}, validation {epoch.validation:.4f}, "
        f"{epoch.seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def judge_words(network: Network, sides: Sides) -> dict[str, dict[str, float]]:
    """Bits per step of the held-out splits, with and without conditions, and of two baselines."""
    train = sides["train"].words
    grid = network.spec.steps_per_bar
    baselines = {
        side: baseline_bits(train, sides[side].words, grid) for side in ("validation", "test")
    }
    return {
        side: {
            "model": model_bits(
                network, sides[side].words, number_conditions(sides[side].names, network.spec)
            ),
            "model_told_nothing": model_bits(network, sides[side].words),
            **{name: bits[name] for name in ("lag_copy", "ngram")},
        }
        for side, bits in baselines.items()
    }

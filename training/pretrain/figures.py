"""Evaluation of the model on held-out data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.pretrain.learn_words import judge_words
from training.pretrain.sides import Sides, Starter, read_words
from trapgen.core import SIDES, EvaluateParams
from trapgen.evaluate import evaluate, model_bits
from trapgen.generate import load_generator
from trapgen.model import choose_condition, number_conditions
from trapgen.similarity import INDEX_FILES

_DATA: Final = ("weights.safetensors", "humanizer.safetensors", *INDEX_FILES)


def judge(
    folder: Path, groove: Sides, starter: Starter, others: Sequence[Path], seed: int
) -> dict[str, Any]:
    """Evaluate the model as written, with rounded weights.

    Args:
        folder: The model's folder.
        groove: Performances by split.
        starter: The starter corpus; no figure is reported unless the audit clears it.
        others: Folders of MIDI files unknown to the model.
        seed: Random seed of sampling.

    Returns:
        `groove`, bits per step of held-out splits (`training.pretrain.learn_words.judge_words`);
        `starter`, output of `trapgen.evaluate.evaluate` on the starter corpus, loops sampled in
        style trap, without its curves; `others`, bits per step of each folder, with style trap;
        `humanizer`, bits per hit on validation, beside its baselines; `bytes`, size of weights and
        training index.

    Raises:
        GateRefusedError: The audit does not clear the starter corpus.
    """
    generator = load_generator(folder)
    network = generator.network
    sides = starter.sides
    metrics, _ = evaluate(
        generator,
        {side: sides[side].loops for side in SIDES},
        starter.audit().summary(),
        EvaluateParams(),
        seed,
        conditions={side: number_conditions(sides[side].names, network.spec) for side in SIDES},
        components=starter.components,
    )
    del metrics["curves"]
    return {
        "groove": judge_words(network, groove),
        "starter": metrics,
        "others": {other.name: _score(generator.network, other) for other in others},
        "humanizer": generator.humanizer.figures,
        "bytes": sum((folder / name).stat().st_size for name in _DATA),
    }


def _score(network: Any, folder: Path) -> float:
    words = read_words(folder, network.spec.steps_per_bar)
    condition = choose_condition(network.spec, "auto", 140, "beat")
    return model_bits(network, words, np.tile(condition, (len(words), 1)))

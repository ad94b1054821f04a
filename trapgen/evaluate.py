"""The figures of a model on data that the audit cleared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trapgen.audit import exact_bar_overlap
from trapgen.baselines import baseline_bits
from trapgen.codec import to_words
from trapgen.errors import GateRefusedError
from trapgen.generate import Generator, draw_loops
from trapgen.loop import DrumLoop
from trapgen.metrics import bar_accuracy, collect_features, model_bits, overlap_area
from trapgen.params import EvaluateParams, SampleParams
from trapgen.receipt import find_nearest

_HELD_OUT = ("validation", "test")


def evaluate(
    generator: Generator,
    sides: Mapping[str, Sequence[DrumLoop]],
    summary: Mapping[str, Any],
    params: EvaluateParams,
    seed: int,
) -> tuple[dict[str, Any], list[DrumLoop]]:
    """Judge a model.

    Loops for the figures on generated music are drawn at temperature 1 from the whole
    distribution, without the grammar: nothing helps the model.

    Args:
        generator: The model.
        sides: Loops by side; `train` and at least one of `validation` and `test`.
        summary: The audit's `summary.json`.
        params: How many loops are drawn.
        seed: Of the draw.

    Returns:
        What `metrics.json` holds, and the loops drawn. `bits_per_step` by side, of the model and
        its baselines; `bar_accuracy`, the share of bars that the model closed at the right step;
        `exact_copy_rate`, the share of generated bars that stand in train, and
        `held_out_copy_rate`, the same of held-out human loops; `novelty`, the distance to the
        nearest training loop; `overlap_area` by feature of generated with held-out loops, and
        `overlap_area_ceiling`, that of train with held-out.

    Raises:
        GateRefusedError: The audit did not clear the data.
    """
    if summary["gate"] != "pass":
        raise GateRefusedError(["no figure is reported on data that the audit refused"])
    steps_per_bar = generator.network.spec.steps_per_bar
    words = {side: [to_words(loop) for loop in loops] for side, loops in sides.items()}
    bits = {
        side: {
            "model": model_bits(generator.network, words[side]),
            **baseline_bits(words["train"], words[side], steps_per_bar),
        }
        for side in _HELD_OUT
        if words.get(side)
    }
    held_out = [loop for side in _HELD_OUT for loop in sides.get(side, ())]
    free = SampleParams(loops=params.generated_loops, structure="learned")
    drawn, drafts = draw_loops(generator, free, seed)
    train = sides["train"]
    areas = collect_features(held_out)
    metrics = {
        "bits_per_step": bits,
        "bar_accuracy": bar_accuracy(drafts, steps_per_bar),
        "exact_copy_rate": exact_bar_overlap(train, drawn),
        "held_out_copy_rate": exact_bar_overlap(train, held_out),
        "novelty": _novelty(drawn, held_out, train),
        "overlap_area": overlap_area(collect_features(drawn), areas),
        "overlap_area_ceiling": overlap_area(collect_features(train), areas),
    }
    return metrics, drawn


def _novelty(
    drawn: Sequence[DrumLoop], held_out: Sequence[DrumLoop], train: Sequence[DrumLoop]
) -> dict[str, float]:
    ours = [pairs[0].distance for pairs in find_nearest(drawn, train)]
    theirs = [pairs[0].distance for pairs in find_nearest(held_out, train)]
    return {
        "mean": float(np.mean(ours)),
        "min": float(np.min(ours)),
        "held_out_mean": float(np.mean(theirs)),
        "held_out_min": float(np.min(theirs)),
    }

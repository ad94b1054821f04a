"""Figures of an evaluation as plain JSON, one group per function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SNARE, VOICES, DrumLoop
from trapgen.evaluate.baselines import Baselines
from trapgen.evaluate.metrics.bootstrap import Weights, bound_ratio
from trapgen.evaluate.metrics.calibration import Reliability
from trapgen.evaluate.metrics.distribution_overlap import Sample, compare_features
from trapgen.evaluate.metrics.originality import copy_rate, quantiles
from trapgen.evaluate.metrics.score import Scores, bar_accuracy
from trapgen.generate import DecodedLoop

Drawn = tuple[list[DrumLoop], list[DecodedLoop]]

TEMPERATURES: Final = (0.8, 1.0, 1.2)
"""Temperatures at which bar closure is measured."""

_LEAST_TOLD: Final = 20
"""Minimum predictions in a bin of the reliability curve."""


def judge_bits(
    scores: Mapping[str, Scores],
    words: Mapping[str, Sequence[NDArray[np.int64]]],
    weights: Weights,
    baselines: Baselines,
) -> dict[str, Any]:
    """Bits per step of the model and its baselines, and their intervals.

    Args:
        scores: By split.
        words: `(n_steps,)` of each loop by split.
        weights: `(n_replicates, n_loops)` of the loops of all those splits, concatenated.
        baselines: Fitted on train.
    """
    means: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    start = 0
    for side, found in scores.items():
        n_steps = found.n_steps
        of_side = weights[:, start : start + len(n_steps)]
        start += len(n_steps)
        bits = {"model": found.bits, **baselines.score(words[side])}
        means[side] = {name: float(x.sum() / n_steps.sum()) for name, x in bits.items()}
        less = bits["model"] - bits["lag_copy"]
        intervals[side] = {
            **{name: bound_ratio(x, n_steps, of_side)._asdict() for name, x in bits.items()},
            "less_lag_copy": {
                "difference": float(less.sum() / n_steps.sum()),
                **bound_ratio(less, n_steps, of_side)._asdict(),
            },
        }
    return {"bits_per_step": means, "bits_interval": intervals}


def _join_voices(scores: Mapping[str, Scores]) -> dict[str, Reliability]:
    by_voice = zip(*(found.voices for found in scores.values()), strict=True)
    return {
        about.name: sum(parts, Reliability()) for about, parts in zip(VOICES, by_voice, strict=True)
    }


def _join_words(scores: Mapping[str, Scores]) -> Reliability:
    return sum((found.top_word for found in scores.values()), Reliability())


def judge_calibration(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Expected calibration errors, and accuracy of the likeliest word."""
    voices, top = _join_voices(scores), _join_words(scores)
    errors = {name: found.error for name, found in voices.items()}
    return {
        "calibration": {
            "top_word": top.error,
            "voices": float(np.mean(list(errors.values()))),
            **errors,
        },
        "accuracy": float(top.observed.sum() / top.n.sum()),
    }


def list_reliability(scores: Mapping[str, Scores]) -> list[dict[str, Any]]:
    """Bins of predictions, for the word and for every voice."""
    tables = {"word": _join_words(scores), **_join_voices(scores)}
    return [
        {"of": name, **row} for name, table in tables.items() for row in table.rows(_LEAST_TOLD)
    ]


def judge_bars(drawn: Mapping[tuple[float, int], Drawn], steps_per_bar: int) -> dict[str, Any]:
    """Bar closure without the grammar, of loops by temperature and seed."""
    closure = {}
    for temperature in TEMPERATURES:
        decoded_loops = [
            x for (at, _), (_, made) in drawn.items() if at == temperature for x in made
        ]
        closure[str(temperature)] = {
            "share": bar_accuracy(decoded_loops, steps_per_bar),
            "bars": sum(len(decoded.bar_lengths) for decoded in decoded_loops),
        }
    return {"bar_accuracy": closure["1.0"]["share"], "bar_closure": closure}


def judge_copies(
    by_seed: Sequence[Sequence[DrumLoop]], held_out: Sequence[DrumLoop], train: Sequence[DrumLoop]
) -> dict[str, Any]:
    """Share of windows of generated and of held-out loops that occur in train."""
    return {
        "copies": {
            name: {
                **_spread([copy_rate(train, loops, n_bars) for loops in by_seed]),
                "held_out": copy_rate(train, held_out, n_bars),
            }
            for name, n_bars in (("1_bar", 1), ("2_bars", 2))
        }
    }


def judge_novelty(distances: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Distances of `generated` and `held_out` loops to the nearest training loop."""
    ours, theirs = distances["generated"], distances["held_out"]
    return {
        "novelty": {
            "mean": float(ours.mean()),
            "min": float(ours.min()),
            "held_out_mean": float(theirs.mean()),
            "held_out_min": float(theirs.min()),
            "generated": quantiles(ours),
            "held_out": quantiles(theirs),
            "nearer": float((ours < np.quantile(theirs, 0.05)).mean()),
        }
    }


def list_distances(distances: Mapping[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    """The same distances, one row per loop."""
    return [
        {"of": name, "distance": round(float(distance), 4)}
        for name, found in distances.items()
        for distance in found
    ]


def judge_features(
    by_seed: Sequence[Sequence[DrumLoop]],
    train: Sample,
    held_out: Sample,
    rng: np.random.Generator,
    *,
    timing: bool,
) -> dict[str, Any]:
    """How well the features of generated loops cover those of held-out ones."""
    covers = compare_features(by_seed, train, held_out, rng, timing=timing)
    return {
        "overlap": {
            name: {
                "area": cover.area,
                "ceiling": cover.ceiling,
                "ratio": cover.ratio,
                **cover.interval._asdict(),
                "seed_min": cover.seeds.low,
                "seed_max": cover.seeds.high,
            }
            for name, cover in covers.items()
        }
    }


def judge_snare(
    by_seed: Sequence[Sequence[DrumLoop]], held_out: Sequence[DrumLoop]
) -> dict[str, Any]:
    """Share of bars with a snare on beat 3."""
    shares = _spread([_share_snare_on_3(loops) for loops in by_seed])
    return {"snare_on_3": {**shares, "held_out": _share_snare_on_3(held_out)}}


def _share_snare_on_3(loops: Sequence[DrumLoop]) -> float:
    bars = [loop.onsets[:, SNARE].reshape(loop.n_bars, -1) for loop in loops]
    middle = loops[0].steps_per_bar // 2
    return float(np.concatenate(bars)[:, middle].mean())


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, minimum and maximum of a figure over seeds."""
    return {
        "generated": float(np.mean(values)),
        "seed_min": float(min(values)),
        "seed_max": float(max(values)),
    }

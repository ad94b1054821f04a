"""The figures of a model on data that the audit cleared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    DrumLoop,
    EvaluateParams,
    GateRefusedError,
    SampleParams,
    map_blocks,
    to_words,
)
from trapgen.evaluate.judge import (
    TEMPERATURES,
    Drawn,
    judge_bars,
    judge_bits,
    judge_calibration,
    judge_copies,
    judge_features,
    judge_novelty,
    judge_snare,
    list_reliability,
)
from trapgen.evaluate.metrics import Sample, draw_weights, judge_goals, score_loops
from trapgen.generate import Generator, draw_loops, find_nearest
from trapgen.model import is_played

Conditions = Mapping[str, NDArray[np.int64]]

_HELD_OUT: Final = ("validation", "test")
_STREAM: Final = 2
"""Parts the chances of resampling from those of drawing."""


def evaluate(
    generator: Generator,
    sides: Mapping[str, Sequence[DrumLoop]],
    summary: Mapping[str, Any],
    params: EvaluateParams,
    seed: int,
    *,
    conditions: Conditions | None = None,
    components: Mapping[str, int] | None = None,
) -> tuple[dict[str, Any], list[DrumLoop]]:
    """Judge a model.

    Loops for the figures on generated music are drawn from the whole distribution, without the
    grammar: nothing helps the model. They are drawn at temperature 1 with several seeds, and with
    the first one at other temperatures, too, to see where BAR falls. Where held-out loops are
    played, and not programmed, microtiming is judged, and the model's is at full strength.

    Args:
        generator: The model.
        sides: Loops by side; `train` and at least one of `validation` and `test`.
        summary: The audit's `summary.json`; nothing but its `gate` is looked at.
        params: How many loops are drawn, with how many seeds.
        seed: Of the first draw; the next ones follow it.
        conditions: `(n_loops, 4)` numbers of the conditions of each side's loops; by default
            unknown.
        components: The group of related sources that each source belongs to, by its id; by
            default every source stands for itself.

    Returns:
        What `metrics.json` holds, plain JSON, and the loops drawn at temperature 1.

        - `bits_per_step`: by side, of the `model` and its baselines.
        - `bits_interval`: the same, each with `low` and `high`, its 95% interval when sources are
          resampled; `less_ngram` is the `difference` of model and n-gram with that of its own.
        - `calibration`: `top_word` and `voices`, expected errors (`voices` the mean over all steps
          and voices), and each voice's, from 0 to 1.
        - `accuracy`: the share of steps whose likeliest word is the one.
        - `bar_accuracy`: the share of bars that the model closed at the right step at temperature
          1; `bar_closure` by temperature the `share` and of how many `bars`.
        - `copies`: for windows of `1_bar` and `2_bars` the rate of `generated` ones that stand in
          train, its `seed_min` and `seed_max`, and the rate of `held_out` human loops;
          `exact_copy_rate` and `held_out_copy_rate` are those of one bar.
        - `novelty`: distances to the nearest training loop, `mean` and `min` of generated and of
          held-out loops, quantiles of both, and `nearer`, the share of generated loops that are
          nearer than all but 5% of the held-out ones.
        - `overlap_area`, `overlap_area_ceiling`: by feature; `overlap` has both with their
          `ratio`, its interval `low` and `high`, and the least and highest by seed (see
          `trapgen.evaluate.metrics.Cover`).
        - `snare_on_3`: the share of bars with a snare on beat 3, `generated`, with `seed_min` and
          `seed_max`, and `held_out`.
        - `goals`: see `trapgen.evaluate.metrics.judge_goals`.
        - `curves`: rows for plots: `reliability` `of` word and voices, `predicted`, `observed` and
          `n` of each bin that holds enough; `distances`, `of` generated and held_out, a loop each.

    Raises:
        GateRefusedError: The audit did not clear the data.
    """
    if summary["gate"] != "pass":
        raise GateRefusedError(["no figure is reported on data that the audit refused"])
    rng = np.random.default_rng([seed, _STREAM])
    train = sides["train"]
    held_sides = [side for side in _HELD_OUT if sides.get(side)]
    held_out = [loop for side in held_sides for loop in sides[side]]
    weights = draw_weights(held_out, rng, components=components)
    known = conditions or {}
    words = {side: [to_words(loop) for loop in sides[side]] for side in ("train", *held_sides)}
    scores = {
        side: score_loops(generator.network, words[side], known.get(side)) for side in held_sides
    }
    steps_per_bar = generator.network.spec.steps_per_bar
    plays = any(map(is_played, held_out))
    drawn = _draw(generator, params, seed, humanize=plays and generator.humanizer.spec.offsets)
    by_seed = [loops for (temperature, _), (loops, _) in drawn.items() if temperature == 1]
    generated = [loop for loops in by_seed for loop in loops]
    metrics: dict[str, Any] = {
        **judge_bits(scores, words, weights, steps_per_bar),
        **judge_calibration(scores),
        **judge_bars(drawn, steps_per_bar),
        **judge_copies(by_seed, held_out, train),
    }
    distances = {
        name: np.array([pairs[0].distance for pairs in find_nearest(loops, train)])
        for name, loops in (("generated", generated), ("held_out", held_out))
    }
    metrics |= judge_novelty(distances)
    of_train = draw_weights(train, rng, components=components)
    samples = (Sample(train, of_train), Sample(held_out, weights))
    metrics |= judge_features(by_seed, *samples, rng, timing=plays)
    metrics |= judge_snare(by_seed, held_out)
    metrics["goals"] = judge_goals(metrics)
    metrics["curves"] = {
        "reliability": list_reliability(scores),
        "distances": [
            {"of": name, "distance": round(float(distance), 4)}
            for name, found in distances.items()
            for distance in found
        ],
    }
    return metrics, generated


def _draw(
    generator: Generator, params: EvaluateParams, seed: int, *, humanize: bool
) -> dict[tuple[float, int], Drawn]:
    """Loops and drafts by temperature and seed."""
    jobs = [(1.0, seed + at) for at in range(params.seeds)]
    jobs += [(temperature, seed) for temperature in TEMPERATURES if temperature != 1]

    def draw(job: tuple[float, int]) -> Drawn:
        temperature, of_seed = job
        free = SampleParams(
            loops=params.generated_loops,
            temperature=temperature,
            top_p=1.0,
            structure="learned",
            humanize=float(humanize),
        )
        return draw_loops(generator, free, of_seed)

    return dict(zip(jobs, map_blocks(draw, jobs), strict=True))

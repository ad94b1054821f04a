"""Evaluation of a model on data that the audit cleared.

Content of `details.json`:

- `bits_per_step`: by split, of the `model` and its baselines.
- `bits_interval`: the same, each with `low` and `high`, its 95% bootstrap interval over sources;
  `less_lag_copy` is the `difference` of model and `lag_copy` with its own interval.
- `calibration`: expected calibration errors from 0 to 1, `top_word`, `voices` (mean over all
  steps and voices), and each voice's.
- `accuracy`: share of steps whose likeliest word is correct.
- `bar_accuracy`: share of bars that the model closed at the right step at temperature 1;
  `bar_closure`: by temperature the `share`, and the number of `bars`.
- `copies`: for windows of `1_bar` and `2_bars` the share of `generated` ones that occur in
  train, its `seed_min` and `seed_max`, and the share of `held_out` ones.
- `novelty`: distances to the nearest training loop, `mean` and `min` of generated and of
  held-out loops, quantiles of both, and `nearer`, the share of generated loops that are
  nearer than all but 5% of the held-out ones.
- `overlap`: by feature the `area`, its `ceiling`, their `ratio`, its interval `low` and `high`,
  and the least and highest by seed (see `trapgen.evaluate.metrics.Cover`).
- `snare_on_3`: share of bars with a snare on beat 3, `generated`, with `seed_min` and
  `seed_max`, and `held_out`.
- `outside`: by set of loops from outside, see `trapgen.evaluate.outside.judge_outside`.
- `facts`: of the generated loops and of the corpus, see `trapgen.evaluate.metrics.facts`;
  `different_bars`: how many of the first thousand generated bars are different.
- `goals`: see `trapgen.evaluate.metrics.judge_goals`.
- `curves`: rows for plots: `reliability` `of` word and voices, `predicted`, `observed` and
  `n` of each bin with enough predictions; `distances`, `of` generated and held_out, one per loop.
"""

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
from trapgen.evaluate.baselines import fit_baselines
from trapgen.evaluate.compare import Exam
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
    list_distances,
    list_reliability,
)
from trapgen.evaluate.metrics.bootstrap import draw_weights
from trapgen.evaluate.metrics.distribution_overlap import Sample
from trapgen.evaluate.metrics.facts import count_facts
from trapgen.evaluate.metrics.goals import judge_goals
from trapgen.evaluate.metrics.score import score_loops
from trapgen.evaluate.outside import count_different_bars, judge_outside
from trapgen.generate import Generator, draw_loops
from trapgen.model import is_played
from trapgen.similarity import rank_nearest

Conditions = Mapping[str, NDArray[np.int64]]

_HELD_OUT: Final = ("validation", "test")
_STREAM: Final = 2
"""Separates the random stream of the bootstrap from that of sampling."""


def evaluate(
    generator: Generator,
    sides: Mapping[str, Sequence[DrumLoop]],
    summary: Mapping[str, Any],
    params: EvaluateParams,
    seed: int,
    *,
    conditions: Conditions | None = None,
    components: Mapping[str, int] | None = None,
    outside: Sequence[Exam] = (),
) -> tuple[dict[str, Any], list[DrumLoop]]:
    """Evaluate a model.

    Loops for the figures on generated music are sampled from the whole distribution, without the
    grammar, so nothing corrects the model. They are sampled at temperature 1 with several seeds,
    and with the first seed at other temperatures, too, to measure bar closure. If held-out loops
    were played rather than programmed, microtiming is evaluated, with the model's at full
    strength.

    Args:
        generator: The model.
        sides: Loops by split; `train` and at least one of `validation` and `test`.
        summary: The audit's `summary.json`; only its `gate` is read.
        params: Number of loops and of seeds.
        seed: First random seed; the others follow it.
        conditions: `(n_loops, 4)` conditions of each split's loops; by default unknown.
        components: The group of related sources of each source, by its id; by default its own.
        outside: Sets of loops from outside, without what the model has learned.

    Returns:
        Content of `details.json`, plain JSON, and the loops sampled at temperature 1.

    Raises:
        GateRefusedError: The audit did not clear the data.
    """
    if summary["gate"] != "pass":
        raise GateRefusedError(["no figure is reported on data that the audit refused"])
    rng = np.random.default_rng([seed, _STREAM])
    held = {side: sides[side] for side in _HELD_OUT if sides.get(side)}
    held_out, train = (
        Sample(loops, draw_weights(loops, rng, components=components))
        for loops in ([loop for of_side in held.values() for loop in of_side], sides["train"])
    )
    known = conditions or {}
    words = {side: [to_words(loop) for loop in loops] for side, loops in held.items()}
    scores = {side: score_loops(generator.network, words[side], known.get(side)) for side in held}
    baselines = fit_baselines(train.loops)
    plays = any(map(is_played, held_out.loops))
    drawn = _draw(generator, params, seed, humanize=plays and generator.humanizer.spec.offsets)
    steps_per_bar = generator.network.spec.steps_per_bar
    metrics = {
        **judge_bits(scores, words, held_out.weights, baselines),
        **judge_calibration(scores),
        **judge_bars(drawn, steps_per_bar),
    }
    by_seed = [loops for (temperature, _), (loops, _) in drawn.items() if temperature == 1]
    distances = _measure_novelty(by_seed, held_out.loops, train.loops)
    metrics |= _judge_music(by_seed, train, held_out, distances, rng, timing=plays)
    metrics["goals"] = judge_goals(metrics)
    generated = [loop for loops in by_seed for loop in loops]
    metrics["outside"] = {
        exam.name: judge_outside(generator, exam, baselines, generated, seed) for exam in outside
    }
    metrics["facts"] = {
        "generated": count_facts(generated),
        "held out of the corpus": count_facts(held_out.loops),
        "train": count_facts(train.loops),
    }
    metrics["different_bars"] = count_different_bars(generated)
    curves = {"reliability": list_reliability(scores), "distances": list_distances(distances)}
    return {**metrics, "curves": curves}, generated


def _judge_music(
    by_seed: Sequence[Sequence[DrumLoop]],
    train: Sample,
    held_out: Sample,
    distances: Mapping[str, NDArray[np.float64]],
    rng: np.random.Generator,
    *,
    timing: bool,
) -> dict[str, Any]:
    """Copies, novelty and features of the loops sampled at temperature 1."""
    return {
        **judge_copies(by_seed, held_out.loops, train.loops),
        **judge_novelty(distances),
        **judge_features(by_seed, train, held_out, rng, timing=timing),
        **judge_snare(by_seed, held_out.loops),
    }


def _measure_novelty(
    by_seed: Sequence[Sequence[DrumLoop]], held_out: Sequence[DrumLoop], train: Sequence[DrumLoop]
) -> dict[str, NDArray[np.float64]]:
    """Distances of generated and of held-out loops to the nearest training loop."""
    generated = [loop for loops in by_seed for loop in loops]
    return {
        name: np.array([pairs[0].distance for pairs in rank_nearest(loops, train)])
        for name, loops in (("generated", generated), ("held_out", held_out))
    }


def _draw(
    generator: Generator, params: EvaluateParams, seed: int, *, humanize: bool
) -> dict[tuple[float, int], Drawn]:
    """Loops and decoded loops by temperature and seed."""
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

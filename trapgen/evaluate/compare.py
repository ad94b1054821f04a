"""Champion and challenger: two models on the same loops, none of which either has learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Any

import numpy as np

from trapgen.core import DrumLoop, PromoteParams, SampleParams, to_words
from trapgen.evaluate.baselines import Baselines
from trapgen.evaluate.metrics.bootstrap import bound_ratio, draw_weights
from trapgen.evaluate.metrics.originality import copy_rate
from trapgen.evaluate.metrics.score import score_loops
from trapgen.generate import Generator, draw_loops
from trapgen.model import name_loop, number_conditions

_COPY_BARS = 2


@dataclass(frozen=True, slots=True)
class Exam:
    """Loops that both models are examined on.

    Attributes:
        name: `test`, or the name of a set from outside.
        loops: The loops that neither model has learned.
        n_learned: Number of loops that were left out because one of them has.
    """

    name: str
    loops: Sequence[DrumLoop]
    n_learned: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Result of an exam, in bits per step; lower is better.

    Attributes:
        name: Name of the exam.
        n_loops: Number of loops.
        n_learned: Number of loops left out.
        bits: Of each model by its name, and of the baselines.
        gain: By how much the challenger is better than the champion; NaN without both.
        low: Lower bound of the gain's 95% interval, paired by loop, with sources resampled.
        high: Its upper bound.
    """

    name: str
    n_loops: int
    n_learned: int
    bits: Mapping[str, float]
    gain: float = nan
    low: float = nan
    high: float = nan

    def describe(self) -> dict[str, Any]:
        """The result as plain JSON, rounded; what is not known is left out."""
        numbers = {"gain": self.gain, "low": self.low, "high": self.high, **self.bits}
        rounded = {name: round(value, 4) for name, value in numbers.items() if not isnan(value)}
        return {"loops": self.n_loops, "learned": self.n_learned, **rounded}


def examine(
    models: Mapping[str, Generator],
    exam: Exam,
    baselines: Baselines,
    rng: np.random.Generator,
    *,
    style: str = "",
    components: Mapping[str, int] | None = None,
) -> Result:
    """Examine models of one grid.

    Args:
        models: By name; with a `challenger` and a `champion` the result has the gain.
        exam: At least one loop.
        baselines: Fitted on loops of the same grid.
        rng: Random generator of the interval.
        style: Main style of every loop, as in training.
        components: The group of related sources of each source, by its id.
    """
    loops = exam.loops
    words = [to_words(loop) for loop in loops]
    names = [name_loop(loop.lineage.style, loop.bpm, base=style) for loop in loops]
    n_steps = np.array([len(each) for each in words])
    bits = {
        name: score_loops(model.network, words, number_conditions(names, model.network.spec)).bits
        for name, model in models.items()
    }
    bits |= baselines.score(words)
    means = {name: float(of_loops.sum() / n_steps.sum()) for name, of_loops in bits.items()}
    result = Result(exam.name, len(loops), exam.n_learned, means)
    if not {"challenger", "champion"} <= models.keys():
        return result
    weights = draw_weights(loops, rng, components=components)
    low, high = bound_ratio(bits["champion"] - bits["challenger"], n_steps, weights)
    return replace(result, gain=means["champion"] - means["challenger"], low=low, high=high)


def measure_copies(generator: Generator, n_loops: int, seed: int) -> float:
    """Share of the two-bar passages of generated loops that occur in what the model has learned.

    Args:
        generator: The model.
        n_loops: Number of loops to generate, at temperature 1 from the whole distribution.
        seed: Of the loops.
    """
    free = SampleParams(loops=n_loops, temperature=1.0, top_p=1.0)
    loops, _ = draw_loops(generator, free, seed)
    return copy_rate(generator.training_loops, loops, _COPY_BARS)


def decide(
    test: Result, outside: Sequence[Result], copies: Mapping[str, float], params: PromoteParams
) -> tuple[bool, str]:
    """Whether the challenger is promoted, and why.

    Args:
        test: Result on the clean test.
        outside: Results on loops from outside.
        copies: From `measure_copies`, of `challenger` and `champion`.
        params: The rule.
    """
    figures = f"{_describe(test)} on the clean test"
    if test.low <= params.min_gain:
        least = f"{params.min_gain:g} bits and " if params.min_gain else ""
        return False, f"not better by more than {least}its interval: {figures}"
    for result in outside:
        if result.high < 0:
            return (
                False,
                f"worse on {result.name}, loops from outside: {_describe(result)}; {figures}",
            )
    excess = copies["challenger"] - copies["champion"]
    if excess > params.copies_tolerance:
        return False, (
            f"copies more: {copies['challenger']:.1%} of two-bar passages occur in its training "
            f"data, {copies['champion']:.1%} for the champion; {figures}"
        )
    return True, f"better: {figures}"


def _describe(result: Result) -> str:
    bits = result.bits
    return (
        f"{bits['challenger']:.3f} bits per step, the champion {bits['champion']:.3f}, "
        f"gain {result.gain:+.3f} ({result.low:+.3f} to {result.high:+.3f})"
    )

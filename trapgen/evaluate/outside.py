"""Figures on loops from outside: sets that nobody trained on, written by other people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from trapgen.core import DrumLoop, to_words
from trapgen.evaluate.baselines import Baselines
from trapgen.evaluate.compare import Exam
from trapgen.evaluate.judge import judge_bits
from trapgen.evaluate.metrics.bootstrap import draw_weights
from trapgen.evaluate.metrics.facts import count_facts
from trapgen.evaluate.metrics.originality import copy_rate
from trapgen.evaluate.metrics.score import score_loops
from trapgen.evaluate.metrics.two_sample import KICK_AND_SNARE, two_sample_test
from trapgen.generate import Generator
from trapgen.model import name_loop, number_conditions

_THOUSAND: Final = 1000


def judge_outside(
    generator: Generator, exam: Exam, baselines: Baselines, generated: Sequence[DrumLoop], seed: int
) -> dict[str, Any]:
    """Compare a model, and the loops that it generates, with loops from outside.

    The model is given each loop's tempo and no style: nothing says what style they have.

    Args:
        generator: The model.
        exam: The set, without what the model has learned.
        baselines: Fitted on the model's training loops.
        generated: Loops drawn from the model.
        seed: Of the intervals and of the classifier.

    Returns:
        `loops` and `learned`, numbers of loops compared and left out, and where any is left:

        - `bits_per_step` and `bits_interval`, as in `details.json`, with intervals over files;
        - `facts` of the set (see `trapgen.evaluate.metrics.facts`);
        - `two_sample`: how well a classifier separates generated loops from the set, on `all`
          features and on `kick_and_snare` alone; None for fewer than five loops;
        - `bars_written`: share of the set's bars that occur in the generated loops, and `bars`, how
          many bars those have.
    """
    counts = {"loops": len(exam.loops), "learned": exam.n_learned}
    if not exam.loops:
        return counts
    words = [to_words(loop) for loop in exam.loops]
    spec = generator.network.spec
    names = [name_loop("", loop.bpm, kind="", base="") for loop in exam.loops]
    scores = score_loops(generator.network, words, number_conditions(names, spec))
    found = judge_bits(
        {exam.name: scores},
        {exam.name: words},
        draw_weights(exam.loops, np.random.default_rng(seed)),
        baselines,
    )
    return {
        **counts,
        **{name: by_set[exam.name] for name, by_set in found.items()},
        "facts": count_facts(exam.loops),
        "two_sample": {
            "all": two_sample_test(generated, exam.loops, seed),
            "kick_and_snare": two_sample_test(generated, exam.loops, seed, KICK_AND_SNARE),
        },
        "bars_written": copy_rate(generated, exam.loops, 1),
        "bars": sum(loop.n_bars for loop in generated),
    }


def count_different_bars(loops: Sequence[DrumLoop]) -> int:
    """Number of different bars among the first thousand that are not silent."""
    bars = [
        bar.tobytes() for loop in loops for bar in loop.onsets.reshape(loop.n_bars, -1) if bar.any()
    ]
    return len(set(bars[:_THOUSAND]))

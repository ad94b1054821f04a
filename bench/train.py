"""How fast the network learns, beside the original's recipe, all in one run.

`python -m bench.train` prints two tables in about seven minutes on two cores: targets learned a
second by the original's own network, with the share of the machine's matrix speed; and the time to
the best clean validation figure that the original's recipe reaches on the starter corpus. The end
of its 60 epochs is hours away, so that it is stopped after `--budget` seconds of learning.
Compiling counts for neither.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import original
from bench.matrix import Cost, count_learned, measure, measure_tensorflow
from training.pretrain.sides import read_starter
from trapgen.core import BAR, AugmentParams, Codec, TrainParams, add_bars
from trapgen.evaluate import baseline_bits
from trapgen.model import ModelSpec, Tokens
from trapgen.model.training import (
    Learner,
    Windows,
    draw_batches,
    hold_out,
    import_tensorflow,
    make_learner,
    make_windows,
    withhold,
)

NATS_PER_BIT = float(np.log(2))
STEPS_PER_BAR = 32
BATCH = original.BATCH
"""Windows that ours learns at once, as many as the original: some gigabytes of memory."""
JUDGED = 1024
"""Words of clean validation that the original's recipe is judged on; each takes a window."""
JUDGINGS = 6
"""So often, evenly over its budget; it takes the best."""


@dataclass(frozen=True)
class Corpus:
    """Words of the loops on two sides of the clean split."""

    train: list[Tokens]
    validation: list[Tokens]

    @staticmethod
    def load() -> Corpus:
        """The starter corpus, split by source and then recombined, as the pipeline does."""
        sides = read_starter(STEPS_PER_BAR, AugmentParams().train_loops, seed=0).sides
        return Corpus(sides["train"].words, sides["validation"].words)


def stream_of(loops: list[Tokens]) -> Tokens:
    """All loops on end, as the original reads them."""
    return np.concatenate([add_bars(words, STEPS_PER_BAR) for words in loops])


def every_step(loops: list[Tokens], spec: ModelSpec, window: int, n_windows: int) -> Windows:
    """The original's windows, every step of them to learn."""
    params = replace(TrainParams(), architecture="paper", paper_window=window, paper_stride=window)
    found = make_windows(loops, spec, params)
    found = found.take(np.arange(n_windows) % len(found))
    everywhere = np.ones_like(found.is_target)
    is_word = (found.targets != BAR).astype(np.float32)
    return replace(found, is_target=everywhere, is_word=is_word)


def compare_targets(console: Console, corpus: Corpus, units: int, rounds: int) -> None:
    """The table of targets learned a second."""
    spec = ModelSpec("paper", 3, units, 0.2, 0, STEPS_PER_BAR)
    learner = make_learner(spec, TrainParams(), 100)
    windows = every_step(corpus.train, spec, original.WINDOW, BATCH)
    theirs = original.build_model(units)
    starts = original.STRIDE * np.arange(original.BATCH)
    x, y = original.cut_windows(stream_of(corpus.train), starts)
    works: dict[str, tuple[int, int, Callable[[], Any]]] = {
        f"the original's recipe, batch {original.BATCH}": (
            original.BATCH,
            original.BATCH * original.WINDOW,
            lambda: theirs.train_on_batch(x, y),
        ),
        f"trapgen, every step a target, batch {BATCH}": (
            BATCH * original.WINDOW,
            BATCH * original.WINDOW,
            lambda: learner.learn(windows),
        ),
    }
    speed = measure_tensorflow()
    costs = dict.fromkeys(works, Cost())
    for turn in range(rounds + 1):
        for name, (_, _, work) in works.items():
            cost = measure(work)
            if turn:  # the first one compiles
                costs[name] = costs[name].least(cost)
    speed = speed.least(measure_tensorflow())
    title = f"3 x LSTM {units}, windows of {original.WINDOW}"
    table = Table("", "targets a second", "ratio", "of sgemm", title=title)
    for name in ("targets a core second", "ratio", "of sgemm"):
        table.add_column(name)
    first: list[float] = []
    for name, (n_targets, n_tokens, _) in works.items():
        cells = []
        for clock in ("clock_s", "cores_s"):
            rate = n_targets / getattr(costs[name], clock)
            share = count_learned(spec) * n_tokens * getattr(speed, clock)
            first.append(rate)
            ratio = rate / first[len(cells) // 3]
            cells += [f"{rate:,.1f}", f"{ratio:,.0f}", f"{share / getattr(costs[name], clock):.0%}"]
        table.add_row(name, *cells)
    console.print(table)
    console.print(
        f"sgemm: {1e-9 / speed.clock_s:,.0f} GFLOP/s, {1e-9 / speed.cores_s:,.0f} a core, "
        "TensorFlow's best of several sizes, before and after. Counted are the products of the "
        f"LSTMs, forward and backward; the best of {rounds} batches each, turn by turn. Core "
        "seconds are those that the process itself was given: on a machine that others use, they "
        "compare better.\n"
    )


@dataclass(frozen=True)
class Judged:
    """A figure, and what it took to reach it."""

    bits: float
    seconds: float
    n_targets: int


def learn_as_the_original(corpus: Corpus, units: int, budget_s: float) -> list[Judged]:
    """The original's recipe on its way, judged every now and then until the budget is spent."""
    model = original.build_model(units)
    stream, rng = stream_of(corpus.train), np.random.default_rng(0)
    held_out = stream_of(corpus.validation)
    at = np.flatnonzero(held_out[original.WINDOW :] != BAR)
    judged = at[np.linspace(0, len(at) - 1, min(JUDGED, len(at))).astype(np.int64)]

    def judge() -> float:
        nats = []
        for part in np.array_split(judged, -(-len(judged) // original.BATCH)):
            x, y = original.cut_windows(held_out, part)
            chances = np.asarray(model.predict_on_batch(x))[y]
            nats.append(-np.log(np.maximum(chances, 1e-30)))
        return float(np.concatenate(nats).mean()) / NATS_PER_BIT

    starts = np.arange(0, len(stream) - original.WINDOW, original.STRIDE)
    first = model.get_weights()
    model.train_on_batch(*original.cut_windows(stream, starts[: original.BATCH]))
    judge()
    model.set_weights(first)
    spent, n_targets, found = 0.0, 0, [Judged(judge(), 0.0, 0)]
    while spent < budget_s:
        for part in np.array_split(rng.permutation(starts), -(-len(starts) // original.BATCH)):
            began = time.perf_counter()
            model.train_on_batch(*original.cut_windows(stream, part))
            spent += time.perf_counter() - began
            n_targets += len(part)
            if spent >= budget_s * len(found) / JUDGINGS:
                found.append(Judged(judge(), spent, n_targets))
            if spent >= budget_s:
                break
    return found


def learn_until(corpus: Corpus, bits: float) -> Judged:
    """Our default training until its clean validation figure is as low; never, if it does not."""
    params = TrainParams()
    spec = ModelSpec.of(params, Codec(STEPS_PER_BAR))
    windows = make_windows(corpus.train, spec, params)
    windows, _ = hold_out(windows, params.control_share, np.random.default_rng(0))
    held_out = make_windows(corpus.validation, spec, params)
    learner = make_learner(spec, params, -(-len(windows) // params.batch_size))
    _compile(learner, windows, params)
    spent, n_targets = 0.0, 0
    for part in _repeat(windows, params):
        began = time.perf_counter()
        learner.learn(part)
        spent += time.perf_counter() - began
        n_targets += int(part.is_target.sum())
        found = _judge_mean(learner, held_out, params.batch_size)
        if found <= bits:
            return Judged(found, spent, n_targets)
    return Judged(found, np.inf, n_targets)


def _compile(learner: Learner, windows: Windows, params: TrainParams) -> None:
    """Learn a batch, and forget it."""
    variables = [*learner.model.variables, *learner.mean, *learner.optimizer.variables]
    values = [np.asarray(variable) for variable in variables]
    for part in draw_batches(windows, params.batch_size, np.random.default_rng(0)):
        learner.learn(part)
        break
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _repeat(windows: Windows, params: TrainParams) -> Iterator[Windows]:
    for epoch in range(params.epochs):
        rng = np.random.default_rng([0, epoch])
        for part in draw_batches(windows, params.batch_size, rng):
            yield withhold(part, rng)


def _judge_mean(learner: Learner, windows: Windows, size: int) -> float:
    """Bits per step of the mean of the weights, as a training judges it."""
    variables = learner.model.trainable_variables
    learned = [np.asarray(variable) for variable in variables]
    for variable, value in zip(variables, learner.mean, strict=True):
        variable.assign(value)
    nats, n_words = learner.judge(windows, size).sum(axis=0)
    for variable, value in zip(variables, learned, strict=True):
        variable.assign(value)
    return float(nats / n_words) / NATS_PER_BIT


def compare_times(console: Console, corpus: Corpus, units: int, budget_s: float) -> None:
    """The table of the time to the original recipe's best figure within a budget of seconds."""
    way = learn_as_the_original(corpus, units, budget_s)
    best = min(way[1:], key=lambda judged: judged.bits)
    rows = {f"the original's recipe, 3 x LSTM {units}, at its best": best}
    rows["trapgen, as it comes"] = learn_until(corpus, best.bits)
    table = Table(
        "", "clean bits per step", "seconds", "times shorter", "targets", title="Time to a figure"
    )
    for name, judged in rows.items():
        seconds, shorter = f"{judged.seconds:,.1f}", f"{best.seconds / judged.seconds:,.0f}"
        table.add_row(name, f"{judged.bits:.3f}", seconds, shorter, f"{judged.n_targets:,}")
    console.print(table)
    told = ", ".join(f"{each.bits:.2f} after {each.seconds:.0f} s" for each in way)
    baselines = baseline_bits(corpus.train, corpus.validation, STEPS_PER_BAR)
    console.print(
        f"The original's recipe on its way: {told}. The position in the bar alone costs "
        f"{baselines['position']:.2f}, the n-gram {baselines['ngram']:.2f}. Clean validation: "
        f"{len(corpus.validation)} starter loops without a source in common with the "
        f"{len(corpus.train)} learned.\n"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=300.0, help="seconds of the original's")
    parser.add_argument("--units", type=int, default=512, help="of its three LSTMs")
    parser.add_argument("--rounds", type=int, default=2, help="batches timed of each")
    options = parser.parse_args()
    keras, _ = import_tensorflow()
    keras.utils.set_random_seed(0)
    console, corpus = Console(), Corpus.load()
    compare_targets(console, corpus, options.units, options.rounds)
    if options.budget:
        compare_times(console, corpus, options.units, options.budget)


if __name__ == "__main__":
    main()

"""Training speed, compared with the original's recipe, all in one run.

`python -m bench.train` prints two tables in about seven minutes on two cores: targets per second
with the original's own network, with the share of the machine's matrix speed; and the time to the
best clean validation loss that the original's recipe reaches on the starter corpus. Its 60 epochs
would take hours, so it is stopped after `--budget` seconds of training. Compile time is excluded.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.matrix import Cost, Shapes, count_learned, measure, measure_tensorflow
from experiments.recipe import Recipe, Windows, build, compile_network, judge, slide_window
from training.pretrain.sides import read_starter
from trapgen.core import BAR, N_TARGETS, AugmentParams, Codec, TrainParams
from trapgen.evaluate import baseline_bits
from trapgen.model import ModelSpec, Tokens, training
from trapgen.model.training import (
    Learner,
    WeightMean,
    draw_batches,
    import_tensorflow,
    make_learner,
    make_lstm,
    make_optimizer,
    make_windows,
)

NATS_PER_BIT = float(np.log(2))
STEPS_PER_BAR = 32
ORIGINAL = Recipe()
JUDGED = 1024
"""Words of clean validation that the original's recipe is evaluated on; each takes a window."""
JUDGINGS = 6
"""Number of evaluations, evenly spaced over its budget; the best counts."""


@dataclass(frozen=True)
class Corpus:
    """Words of the loops in two splits."""

    train: list[Tokens]
    validation: list[Tokens]

    @staticmethod
    def load() -> Corpus:
        """The starter corpus, split by source and then recombined, as in the pipeline."""
        sides = read_starter(STEPS_PER_BAR, AugmentParams().train_loops, seed=0).sides
        return Corpus(sides["train"].words, sides["validation"].words)


def slide(loops: list[Tokens], window: int = ORIGINAL.window, stride: int = 1) -> Windows:
    """The original's windows of loops."""
    return slide_window(loops, STEPS_PER_BAR, window, stride)


def learn_every_step(model: Any) -> Callable[[Tokens, Tokens], Any]:
    """Trapgen's training: every step of a window is a target, and weights are averaged.

    Args:
        model: From `(batch, n_tokens)` tokens to `(batch, n_tokens, N_TARGETS)` logits.

    Returns:
        Trains on a batch of tokens and, for each, the token that follows.
    """
    _, tf = import_tensorflow()
    params, variables = TrainParams(), model.trainable_variables
    optimizer = make_optimizer(params.learning_rate, 1000, params.weight_decay)
    mean = WeightMean(variables, optimizer, params.averaging)

    @tf.function  # type: ignore[untyped-decorator]
    def learn(told: Any, target: Any) -> Any:
        with tf.GradientTape() as tape:
            scores = model(told, training=True)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores)
            loss = tf.reduce_mean(nats)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        mean.update()
        return loss

    return lambda told, target: learn(tf.constant(told), tf.constant(target)).numpy()


def shapes_of(model: Any) -> Shapes:
    """Shapes of a Keras model's weights, by layer and name."""
    return {
        f"{layer.name}/{weight.name}": tuple(weight.shape)
        for layer in model.layers
        for weight in layer.trainable_weights
    }


def compare_targets(console: Console, corpus: Corpus, units: int, rounds: int) -> None:
    """The table of targets per second."""
    batch, width = ORIGINAL.batch_size, ORIGINAL.window
    theirs = compile_network(build(ORIGINAL.layers, units, N_TARGETS), ORIGINAL)
    x = slide(corpus.train, stride=ORIGINAL.stride).take(np.arange(batch))
    ours = build(ORIGINAL.layers, units, N_TARGETS, partial(make_lstm, scans=True))
    learn = learn_every_step(ours)
    # One more token than is read: the last is only a target.
    rows = slide(corpus.train, width + 1, width).told
    rows = rows[np.arange(batch) % len(rows)]
    works: dict[str, tuple[int, int, Callable[[], Any]]] = {
        f"the original's recipe, batch {batch}": (
            batch,
            batch * width,
            lambda: theirs.train_on_batch(x.told, x.target),
        ),
        f"trapgen, every step a target, batch {batch}": (
            batch * width,
            batch * width,
            lambda: learn(rows[:, :-1], rows[:, 1:]),
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
    title = f"{ORIGINAL.layers} x LSTM {units}, windows of {width}"
    table = Table("", "targets per second", "ratio", "of sgemm", title=title)
    for name in ("targets per core second", "ratio", "of sgemm"):
        table.add_column(name)
    first: list[float] = []
    for name, (n_targets, n_tokens, _) in works.items():
        cells: list[str] = []
        for clock in ("clock_s", "cores_s"):
            rate = n_targets / getattr(costs[name], clock)
            share = count_learned(shapes_of(ours)) * n_tokens * getattr(speed, clock)
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
    """A loss, and the work to reach it."""

    bits: float
    seconds: float
    n_targets: int


def learn_as_the_original(corpus: Corpus, units: int, budget_s: float) -> list[Judged]:
    """The original's recipe, evaluated at intervals until the budget is spent."""
    model = compile_network(build(ORIGINAL.layers, units, N_TARGETS), ORIGINAL)
    rng = np.random.default_rng(0)
    windows, held_out = slide(corpus.train, stride=ORIGINAL.stride), slide(corpus.validation)
    words = np.flatnonzero(held_out.target != BAR)
    chosen = np.linspace(0, len(words) - 1, min(JUDGED, len(words))).astype(np.int64)
    judge_now = partial(judge, model, np.arange(N_TARGETS), held_out.take(words[chosen]))

    def learn(rows: Tokens) -> None:
        batch = windows.take(rows)
        model.train_on_batch(batch.told, batch.target)

    first = model.get_weights()
    learn(np.arange(ORIGINAL.batch_size))
    judge_now()
    model.set_weights(first)
    spent, n_targets, found = 0.0, 0, [Judged(judge_now(), 0.0, 0)]
    n_batches = -(-len(windows) // ORIGINAL.batch_size)
    while spent < budget_s:
        for rows in np.array_split(rng.permutation(len(windows)), n_batches):
            began = time.perf_counter()
            learn(rows)
            spent += time.perf_counter() - began
            n_targets += len(rows)
            if spent >= budget_s * len(found) / JUDGINGS:
                found.append(Judged(judge_now(), spent, n_targets))
            if spent >= budget_s:
                break
    return found


def learn_until(corpus: Corpus, bits: float) -> Judged:
    """The default training until its clean validation loss is as low; infinite if it never is."""
    params = TrainParams()
    spec = ModelSpec.of(params, Codec(STEPS_PER_BAR))
    windows = make_windows(corpus.train, spec, params)
    windows, _ = training.hold_out(windows, params.control_share, np.random.default_rng(0))
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


def _compile(learner: Learner, windows: training.TrainingWindows, params: TrainParams) -> None:
    """Train on a batch, and restore the state."""
    variables = [*learner.model.variables, *learner.mean.values, *learner.optimizer.variables]
    values = [np.asarray(variable) for variable in variables]
    for part in draw_batches(windows, params.batch_size, np.random.default_rng(0)):
        learner.learn(part)
        break
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _repeat(
    windows: training.TrainingWindows, params: TrainParams
) -> Iterator[training.TrainingWindows]:
    for epoch in range(params.epochs):
        yield from draw_batches(windows, params.batch_size, np.random.default_rng([0, epoch]))


def _judge_mean(learner: Learner, windows: training.TrainingWindows, size: int) -> float:
    """Bits per step of the averaged weights, as evaluated in training."""
    with learner.mean.in_place():
        nats, n_words = learner.judge(windows, size).sum(axis=0)
    return float(nats / n_words) / NATS_PER_BIT


def compare_times(console: Console, corpus: Corpus, units: int, budget_s: float) -> None:
    """The table of the time to the original recipe's best loss within a budget of seconds."""
    way = learn_as_the_original(corpus, units, budget_s)
    best = min(way[1:], key=lambda judged: judged.bits)
    rows = {f"the original's recipe, {ORIGINAL.layers} x LSTM {units}, at its best": best}
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

"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TrainParams
from trapgen.model.training.checkpoint import Checkpoint, fingerprint
from trapgen.model.training.distance import measure_distances, part_by_distance
from trapgen.model.training.history import Epoch, best_epoch
from trapgen.model.training.network import import_tensorflow, weights_of
from trapgen.model.training.steps import make_learner
from trapgen.model.training.windows import Windows, draw_batches, hold_out, make_windows, withhold
from trapgen.model.words import ModelSpec, Network, Tokens

_NATS_PER_BIT: Final = float(np.log(2))


@dataclass(frozen=True)
class Conditions:
    """`(n_loops, 4)` numbers of the conditions of each loop of a side; None where unknown."""

    train: Tokens | None = None
    validation: Tokens | None = None


@dataclass(frozen=True)
class Trained:
    """The best network on clean validation, and how it came about."""

    network: Network
    history: tuple[Epoch, ...]
    best_epoch: int


def train_network(
    train: Sequence[Tokens],
    validation: Sequence[Tokens],
    spec: ModelSpec,
    params: TrainParams,
    seed: int,
    *,
    conditions: Conditions | None = None,
    start: Network | None = None,
    checkpoint: Path | None = None,
    on_batch: Callable[[int, int, float], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Learn `train` until clean validation has not improved for `patience` epochs.

    A share of the training side's bars is not learned but judged beside clean validation: a control
    that leaks on purpose (see `trapgen.model.training.windows.hold_out`). It decides nothing.

    Args:
        train: Words of each training loop, `(n_steps,)`.
        validation: Words of each held-out loop.
        spec: The network.
        params: Window, batch, learning rate, epochs, patience, share of the control.
        seed: Decides initial weights, order, dropout and the control.
        conditions: What is told of whole loops; by default nothing. While learning, each is
            withheld now and then, so that the network does without.
        start: A network of the same shape whose weights learning begins with.
        checkpoint: A folder to save into after every epoch, and within one every
            `checkpoint_minutes`, and to go on from, if what lies there was made from the same data
            and parameters; a finished training leaves it empty.
        on_batch: Called with epoch, batch and the batch's loss in bits per step.
        on_epoch: Called with every epoch, those taken up from a checkpoint too.

    Returns:
        The weights of the best epoch.

    Raises:
        ParameterError: A side has no loops, or the control would take all there is to learn.
    """
    keras, tf = import_tensorflow()
    drawn = np.random.default_rng([seed, *b"control"])
    known = conditions or Conditions()
    windows = make_windows(train, spec, params, known.train)
    windows, control = hold_out(windows, params.control_share, drawn)
    held_out = make_windows(validation, spec, params, known.validation)
    parts = _part_windows(held_out, measure_distances(validation, train, spec.steps_per_bar))
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    size = params.batch_size
    learner = make_learner(spec, params, -(-len(windows) // size), start)
    told = (known.train, known.validation)
    name = fingerprint(train, validation, spec, params, seed, start, told)
    saved = Checkpoint(checkpoint, learner, name, params.checkpoint_minutes)
    history, skipped, total = saved.load()
    for epoch in history:
        if on_epoch:
            on_epoch(epoch)
    variables = learner.model.trainable_variables
    while not _is_over(history, params):
        at, started = len(history) + 1, time.perf_counter()
        rng = np.random.default_rng([seed, at])
        for batch_at, part in enumerate(draw_batches(windows, size, rng)):
            batch = withhold(part, rng)
            if batch_at < skipped:  # learned before the checkpoint, and drawn again for the rng
                continue
            bits = learner.learn(batch)
            total = total + bits
            if on_batch:
                on_batch(at, batch_at, bits[0] / bits[1] / _NATS_PER_BIT if bits[1] else 0.0)
            saved.save_within(history, batch_at + 1, total)
        learned = [variable.numpy() for variable in variables]
        _assign(variables, learner.mean)
        clean = learner.judge(held_out, size)
        epoch = Epoch(
            epoch=at,
            train=_mean_bits(total[None]),
            validation=_mean_bits(clean),
            control_loss=_mean_bits(learner.judge(control, size)),
            **{f"validation_{name}": _mean_bits(clean[rows]) for name, rows in parts.items()},
            seconds=time.perf_counter() - started,
        )
        _assign(variables, learned)
        history, skipped, total = (*history, epoch), 0, np.zeros(2)
        saved.save(history, is_best=best_epoch(history) == epoch)
        if on_epoch:
            on_epoch(epoch)
    saved.restore_best()
    saved.clear()
    network = Network(spec, weights_of(learner.model, spec))
    return Trained(network, history, best_epoch(history).epoch)


def _is_over(history: Sequence[Epoch], params: TrainParams) -> bool:
    if not history:
        return False
    since_best = len(history) - best_epoch(history).epoch
    return len(history) >= params.epochs or since_best >= params.patience


def _part_windows(windows: Windows, distances: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Which windows are of near, of middle and of far loops; `(n_windows,)` by name."""
    rows = {name: np.isin(windows.loop, part) for name, part in part_by_distance(distances).items()}
    # The paper's stream has no window on its first tokens, which may be all of a short loop.
    return {name: found for name, found in rows.items() if found.any()}


def _mean_bits(nats: NDArray[np.float64]) -> float:
    total, n_words = nats.sum(axis=0)
    return float(total / n_words / _NATS_PER_BIT)


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TrainParams
from trapgen.model.training.checkpoint import Checkpoint, fingerprint
from trapgen.model.training.history import Epoch, best_epoch
from trapgen.model.training.keras_access import read_weights, start_repeatably
from trapgen.model.training.steps import Learner, make_learner
from trapgen.model.training.training_windows import (
    TrainingWindows,
    draw_batches,
    hold_out,
    make_windows,
)
from trapgen.model.training.validation_distance import measure_distances, part_by_distance
from trapgen.model.words.network import Network
from trapgen.model.words.spec import ModelSpec, Tokens, weight_shapes

_NATS_PER_BIT: Final = float(np.log(2))


@dataclass(frozen=True)
class Conditions:
    """`(n_loops, 4)` condition numbers of training and validation loops; None where unknown."""

    train: Tokens | None = None
    validation: Tokens | None = None


@dataclass(frozen=True)
class Trained:
    """The best network on clean validation, and its training history."""

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
    """Train on `train` until clean validation has not improved for `patience` epochs.

    A share of the training bars is held out and evaluated beside clean validation, as a control
    that leaks on purpose (see `trapgen.model.training.training_windows.hold_out`). It affects no
    decision.

    Args:
        train: Words of each training loop, `(n_steps,)`.
        validation: Words of each held-out loop.
        spec: The network.
        params: Window, batch, learning rate, epochs, patience, share of the control.
        seed: Random seed of initial weights, order, dropout and the control.
        conditions: Condition inputs; by default unknown. Each is dropped at random during
            training, so that the network also works without.
        start: A network of the same shape, whose weights are the initial ones.
        checkpoint: Folder to save into after every epoch, and within one every
            `checkpoint_minutes`; training resumes from it if its content comes from the same data
            and parameters. `clear_checkpoint` empties it once the model is saved.
        on_batch: Called with epoch, batch and the batch's loss in bits per step.
        on_epoch: Called with every epoch, including those restored from a checkpoint.

    Returns:
        The weights of the best epoch.

    Raises:
        ParameterError: Training or validation loops are missing, or the control would leave
            nothing to train on.
    """
    drawn = np.random.default_rng([seed, *b"control"])
    known = conditions or Conditions()
    windows = make_windows(train, spec, params, known.train)
    windows, control = hold_out(windows, params.control_share, drawn)
    held_out = make_windows(validation, spec, params, known.validation)
    parts = _part_windows(held_out, measure_distances(validation, train, spec.steps_per_bar))
    start_repeatably(seed)
    size = params.batch_size
    learner = make_learner(spec, params, -(-len(windows) // size), start)
    conditions_known = (known.train, known.validation)
    name = fingerprint(train, validation, spec, params, seed, start, conditions_known)
    saved = Checkpoint(checkpoint, learner, name, params.checkpoint_minutes)
    history, skipped, total = saved.load()
    for epoch in history:
        if on_epoch:
            on_epoch(epoch)
    while not _is_over(history, params):
        at, started = len(history) + 1, time.perf_counter()
        batches = draw_batches(windows, size, np.random.default_rng([seed, at]))
        for batch_at, batch in enumerate(batches):
            if batch_at < skipped:  # trained before the checkpoint; drawn again to advance the rng
                continue
            bits = learner.learn(batch)
            total = total + bits
            if on_batch:
                on_batch(at, batch_at, bits[0] / bits[1] / _NATS_PER_BIT if bits[1] else 0.0)
            saved.save_within(history, batch_at + 1, total)
        losses = _judge(learner, held_out, control, parts, size)
        seconds = time.perf_counter() - started
        epoch = Epoch(at, _mean_bits(total[None]), **losses, seconds=seconds)
        history, skipped, total = (*history, epoch), 0, np.zeros(2)
        saved.save(history, is_best=best_epoch(history) == epoch)
        if on_epoch:
            on_epoch(epoch)
    saved.restore_best()
    network = Network(spec, read_weights(learner.model, weight_shapes(spec)))
    return Trained(network, history, best_epoch(history).epoch)


def _is_over(history: Sequence[Epoch], params: TrainParams) -> bool:
    if not history:
        return False
    since_best = len(history) - best_epoch(history).epoch
    return len(history) >= params.epochs or since_best >= params.patience


def _part_windows(
    windows: TrainingWindows, distances: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    """Masks of the windows of near, middle and far loops; `(n_windows,)` by name."""
    rows = {name: np.isin(windows.loop, part) for name, part in part_by_distance(distances).items()}
    return {name: found for name, found in rows.items() if found.any()}


def _judge(
    learner: Learner,
    held_out: TrainingWindows,
    control: TrainingWindows,
    parts: Mapping[str, NDArray[np.bool_]],
    size: int,
) -> dict[str, float]:
    """Losses of the averaged weights, by their names in `Epoch`."""
    with learner.mean.in_place():
        clean = learner.judge(held_out, size)
        leaky = learner.judge(control, size)
    return {
        "validation": _mean_bits(clean),
        "control_loss": _mean_bits(leaky),
        **{f"validation_{name}": _mean_bits(clean[rows]) for name, rows in parts.items()},
    }


def _mean_bits(nats: NDArray[np.float64]) -> float:
    total, n_words = nats.sum(axis=0)
    return float(total / n_words / _NATS_PER_BIT)

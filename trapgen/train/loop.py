"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.model import ModelSpec, Network, Tokens
from trapgen.params import TrainParams
from trapgen.train.checkpoint import Checkpoint, fingerprint
from trapgen.train.distance import measure_distances, part_by_distance
from trapgen.train.history import Epoch, best_epoch
from trapgen.train.network import build_keras, import_tensorflow, weights_of
from trapgen.train.windows import Windows, hold_out, make_windows

_NATS_PER_BIT: Final = float(np.log(2))
_CLIP_NORM: Final = 1.0


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
    checkpoint: Path | None = None,
    on_batch: Callable[[int, int, float], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Learn `train` until clean validation has not improved for `patience` epochs.

    A share of the training side's bars is not learned but judged beside clean validation: a control
    that leaks on purpose (see `trapgen.train.windows.hold_out`). It decides nothing.

    Args:
        train: Words of each training loop, `(n_steps,)`.
        validation: Words of each held-out loop.
        spec: The network.
        params: Window, batch, learning rate, epochs, patience, share of the control.
        seed: Decides initial weights, order, dropout and the control.
        checkpoint: A folder to save into after every epoch and to go on from, if what lies there
            was made from the same data and parameters; a finished training leaves it empty.
        on_batch: Called with epoch, batch and the batch's loss in bits per step.
        on_epoch: Called with every epoch, those taken up from a checkpoint too.

    Returns:
        The weights of the best epoch.

    Raises:
        ParameterError: A side has no loops, or the control would take all there is to learn.
    """
    keras, tf = import_tensorflow()
    drawn = np.random.default_rng([seed, *b"control"])
    windows, control = hold_out(make_windows(train, spec, params), params.control_share, drawn)
    held_out = make_windows(validation, spec, params)
    parts = _part_windows(held_out, measure_distances(validation, train, spec.steps_per_bar))
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = build_keras(spec)
    optimizer = keras.optimizers.Adam(params.learning_rate, global_clipnorm=_CLIP_NORM)
    optimizer.build(model.trainable_variables)
    learn, judge = _make_steps(model, optimizer)
    saved = Checkpoint(
        checkpoint, model, optimizer, fingerprint(train, validation, spec, params, seed)
    )
    history = saved.load()
    for epoch in history:
        if on_epoch:
            on_epoch(epoch)
    while not _is_over(history, params):
        at, started = len(history) + 1, time.perf_counter()
        total = np.zeros(2)
        order = np.random.default_rng([seed, at]).permutation(len(windows))
        for batch_at, batch in enumerate(_batches(windows, order, params.batch_size)):
            bits = np.array(learn(*batch), np.float64)
            total += bits
            if on_batch:
                on_batch(at, batch_at, bits[0] / bits[1] / _NATS_PER_BIT if bits[1] else 0.0)
        clean = _judge(judge, held_out, params.batch_size)
        epoch = Epoch(
            epoch=at,
            train=_mean_bits(total[None]),
            validation=_mean_bits(clean),
            control_loss=_mean_bits(_judge(judge, control, params.batch_size)),
            **{f"validation_{name}": _mean_bits(clean[rows]) for name, rows in parts.items()},
            seconds=time.perf_counter() - started,
        )
        history = (*history, epoch)
        saved.save(history, is_best=best_epoch(history) == epoch)
        if on_epoch:
            on_epoch(epoch)
    saved.restore_best()
    saved.clear()
    return Trained(Network(spec, weights_of(model, spec)), history, best_epoch(history).epoch)


def _is_over(history: Sequence[Epoch], params: TrainParams) -> bool:
    if not history:
        return False
    since_best = len(history) - best_epoch(history).epoch
    return len(history) >= params.epochs or since_best >= params.patience


def _batches(windows: Windows, order: NDArray[np.int64], size: int) -> Iterator[tuple[Any, ...]]:
    import tensorflow as tf

    for start in range(0, len(order), size):
        part = windows.take(order[start : start + size])
        inputs = {name: tf.constant(value) for name, value in vars(part.inputs).items()}
        yield inputs, part.targets, part.is_target, part.is_word


def _part_windows(windows: Windows, distances: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Which windows are of near, of middle and of far loops; `(n_windows,)` by name."""
    rows = {name: np.isin(windows.loop, part) for name, part in part_by_distance(distances).items()}
    # The paper's stream has no window on its first tokens, which may be all of a short loop.
    return {name: found for name, found in rows.items() if found.any()}


def _judge(judge: Any, windows: Windows, size: int) -> NDArray[np.float64]:
    """`(n_windows, 2)` nats of a window's words, and how many they are."""
    everything = np.arange(len(windows))
    batches = ((b[0], b[1], b[3]) for b in _batches(windows, everything, size))
    return np.concatenate([np.array(judge(*batch), np.float64).T for batch in batches])


def _mean_bits(nats: NDArray[np.float64]) -> float:
    total, n_words = nats.sum(axis=0)
    return float(total / n_words / _NATS_PER_BIT)


def _make_steps(model: Any, optimizer: Any) -> tuple[Any, Any]:
    """Two compiled functions: one batch learned, one judged; nats of words, and how many.

    Of a batch learned, they are summed over all its windows; of one judged, a window each.
    """
    import tensorflow as tf

    def nats(inputs: Any, targets: Any, training: bool) -> Any:
        scores = model(inputs, training=training)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=scores)

    def learn(inputs: Any, targets: Any, is_target: Any, is_word: Any) -> Any:
        with tf.GradientTape() as tape:
            each = nats(inputs, targets, training=True)
            loss = tf.reduce_sum(each * is_target) / tf.reduce_sum(is_target)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tf.reduce_sum(each * is_word), tf.reduce_sum(is_word)

    def judge(inputs: Any, targets: Any, is_word: Any) -> Any:
        each = nats(inputs, targets, training=False)
        return tf.reduce_sum(each * is_word, axis=1), tf.reduce_sum(is_word, axis=1)

    compiled = partial(tf.function, reduce_retracing=True)
    return compiled(learn), compiled(judge)

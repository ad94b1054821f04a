"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from trapgen.train.network import build_keras, import_tensorflow, set_weights, weights_of
from trapgen.train.windows import Windows, hold_out, make_windows

_NATS_PER_BIT: Final = float(np.log(2))
_CLIP_NORM: Final = 1.0
_BETA_2: Final = 0.99
_RISING: Final = 0.1
"""Share of all steps over which the learning rate rises."""
_LAST_RATE: Final = 0.02
"""Where it ends, as a share of its height."""
_WITHHELD: Final = 0.15
"""Share of the conditions that are told as unknown while learning."""


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
    that leaks on purpose (see `trapgen.train.windows.hold_out`). It decides nothing.

    Args:
        train: Words of each training loop, `(n_steps,)`.
        validation: Words of each held-out loop.
        spec: The network.
        params: Window, batch, learning rate, epochs, patience, share of the control.
        seed: Decides initial weights, order, dropout and the control.
        conditions: What is told of whole loops; by default nothing. While learning, each is
            withheld now and then, so that the network does without.
        start: A network of the same shape whose weights learning begins with.
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
    known = conditions or Conditions()
    windows = make_windows(train, spec, params, known.train)
    windows, control = hold_out(windows, params.control_share, drawn)
    held_out = make_windows(validation, spec, params, known.validation)
    parts = _part_windows(held_out, measure_distances(validation, train, spec.steps_per_bar))
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    model = build_keras(spec).likelihood
    if start is not None:
        set_weights(model, start)
    optimizer = _make_optimizer(params, -(-len(windows) // params.batch_size))
    optimizer.build(model.trainable_variables)
    mean = [tf.Variable(variable) for variable in model.trainable_variables]
    learn, judge = _make_steps(model, optimizer, mean, params)
    told = (known.train, known.validation)
    name = fingerprint(train, validation, spec, params, seed, start, told)
    saved = Checkpoint(checkpoint, model, mean, optimizer, name)
    history = saved.load()
    for epoch in history:
        if on_epoch:
            on_epoch(epoch)
    while not _is_over(history, params):
        at, started = len(history) + 1, time.perf_counter()
        total = np.zeros(2)
        rng = np.random.default_rng([seed, at])
        for batch_at, part in enumerate(_draw_batches(windows, params.batch_size, rng)):
            bits = np.array(learn(*_to_tensors(_withhold(part, rng))), np.float64)
            total += bits
            if on_batch:
                on_batch(at, batch_at, bits[0] / bits[1] / _NATS_PER_BIT if bits[1] else 0.0)
        learned = [variable.numpy() for variable in model.trainable_variables]
        _assign(model.trainable_variables, mean)
        clean = _judge(judge, held_out, params.batch_size)
        epoch = Epoch(
            epoch=at,
            train=_mean_bits(total[None]),
            validation=_mean_bits(clean),
            control_loss=_mean_bits(_judge(judge, control, params.batch_size)),
            **{f"validation_{name}": _mean_bits(clean[rows]) for name, rows in parts.items()},
            seconds=time.perf_counter() - started,
        )
        _assign(model.trainable_variables, learned)
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


def _draw_batches(windows: Windows, size: int, rng: np.random.Generator) -> Iterator[Windows]:
    """Batches in random order, each of windows about as long as one another."""
    order = rng.permutation(len(windows))
    order = order[np.argsort(windows.lengths[order], kind="stable")]
    starts = np.arange(0, len(order), size)
    for start in rng.permutation(starts):
        yield windows.take(order[start : start + size]).trim()


def _withhold(windows: Windows, rng: np.random.Generator) -> Windows:
    """Make some conditions of some windows unknown."""
    condition = windows.inputs.condition
    kept = rng.random((len(condition), 1, condition.shape[2])) >= _WITHHELD
    return replace(windows, inputs=replace(windows.inputs, condition=condition * kept))


def _to_tensors(windows: Windows) -> tuple[Any, ...]:
    import tensorflow as tf

    told = {**vars(windows.inputs), "target": windows.targets}
    inputs = {name: tf.constant(value) for name, value in told.items()}
    return inputs, windows.is_target, windows.is_word


def _part_windows(windows: Windows, distances: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Which windows are of near, of middle and of far loops; `(n_windows,)` by name."""
    rows = {name: np.isin(windows.loop, part) for name, part in part_by_distance(distances).items()}
    # The paper's stream has no window on its first tokens, which may be all of a short loop.
    return {name: found for name, found in rows.items() if found.any()}


def _judge(judge: Any, windows: Windows, size: int) -> NDArray[np.float64]:
    """`(n_windows, 2)` nats of a window's words, and how many they are."""
    starts = range(0, len(windows), size)
    parts = (windows.take(np.arange(at, min(at + size, len(windows)))) for at in starts)
    batches = (_to_tensors(part) for part in parts)
    return np.concatenate(
        [np.array(judge(inputs, is_word), np.float64).T for inputs, _, is_word in batches]
    )


def _mean_bits(nats: NDArray[np.float64]) -> float:
    total, n_words = nats.sum(axis=0)
    return float(total / n_words / _NATS_PER_BIT)


def _make_optimizer(params: TrainParams, n_batches: int) -> Any:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) along the learning rate's way."""
    keras, _ = import_tensorflow()
    n_steps = params.epochs * n_batches
    n_rising = max(1, round(_RISING * n_steps))
    rate = keras.optimizers.schedules.CosineDecay(
        params.learning_rate / n_rising,
        max(1, n_steps - n_rising),
        alpha=_LAST_RATE,
        warmup_target=params.learning_rate,
        warmup_steps=n_rising,
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=params.weight_decay, beta_2=_BETA_2, global_clipnorm=_CLIP_NORM
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _make_steps(model: Any, optimizer: Any, mean: Sequence[Any], params: TrainParams) -> Any:
    """Two compiled functions: one batch learned, one judged; nats of words, and how many.

    Of a batch learned, they are summed over all its windows; of one judged, a window each.
    """
    import tensorflow as tf

    def learn(inputs: Any, is_target: Any, is_word: Any) -> Any:
        with tf.GradientTape() as tape:
            each = -model(inputs, training=True)
            loss = tf.reduce_sum(each * is_target) / tf.reduce_sum(is_target)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        # A short past first: the mean must not remember the initial weights.
        n_steps = tf.cast(optimizer.iterations, tf.float32)
        new = tf.maximum(1 / params.averaging, 9 / (9 + n_steps))
        for kept, variable in zip(mean, model.trainable_variables, strict=True):
            kept.assign_add(new * (variable - kept))
        return tf.reduce_sum(each * is_word), tf.reduce_sum(is_word)

    def judge(inputs: Any, is_word: Any) -> Any:
        each = -model(inputs, training=False)
        return tf.reduce_sum(each * is_word, axis=1), tf.reduce_sum(is_word, axis=1)

    compiled = partial(tf.function, reduce_retracing=True)
    return compiled(learn), compiled(judge)

"""Training of the humanizer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop
from trapgen.model.humanizer.keras_model import begin_with, build_humanizer
from trapgen.model.humanizer.network import Humanizer
from trapgen.model.humanizer.playback_baselines import playback_baseline_bits
from trapgen.model.humanizer.spec import BUMPS, Array, HumanizerSpec, weight_shapes
from trapgen.model.humanizer.training_examples import (
    TrainingExample,
    cut_examples,
    draw_example_batches,
    make_batch,
)
from trapgen.model.training import Conditions
from trapgen.model.training.keras_access import read_weights, start_repeatably, to_tensors
from trapgen.model.training.optimizer import WeightMean, make_optimizer

_NATS_PER_BIT: Final = float(np.log(2))
_BATCH: Final = 32
_LEARNING_RATE: Final = 0.008
_WEIGHT_DECAY: Final = 0.02
_AVERAGING: Final = 60
"""Time constant in steps of the exponential weight average, which is evaluated and kept."""


@dataclass(frozen=True)
class HumanizerEpoch:
    """Losses after an epoch, in bits per hit.

    Attributes:
        epoch: Counted from 1.
        train: Training loss of velocity and offset together, with dropout.
        velocity: Velocity loss on clean validation.
        offset: Offset loss on the played loops of clean validation; None without any.
        seconds: Duration.
    """

    epoch: int
    train: float
    velocity: float
    offset: float | None
    seconds: float

    @property
    def validation(self) -> float:
        """Total validation loss; the epoch with the lowest is kept."""
        return self.velocity + (self.offset or 0.0)


def train_humanizer(
    train: Sequence[DrumLoop],
    validation: Sequence[DrumLoop],
    *,
    units: int,
    epochs: int,
    seed: int,
    dropout: float = 0.2,
    names: tuple[str, ...] = (),
    conditions: Conditions | None = None,
    on_epoch: Callable[[HumanizerEpoch], None] | None = None,
) -> Humanizer:
    """Train on the playback of training loops; the best epoch on clean validation is kept.

    Velocities are learned from every loop, offsets only from loops that were played rather than
    programmed (see `trapgen.model.humanizer.playback_features.is_played`), if there are any.

    Args:
        train: Training loops, of one grid.
        validation: Held-out loops.
        units: Width of each LSTM.
        epochs: Number of epochs; the learning rate falls to 0 by the last.
        seed: Random seed of initial weights, order and dropout.
        dropout: Dropout rate of the LSTMs' outputs.
        names: Condition vocabulary.
        conditions: Condition numbers of training and validation loops; by default unknown.
        on_epoch: Called with every epoch.

    Returns:
        The humanizer with its figures: `velocity` and `offset`, bits per hit on clean validation,
        and those of `trapgen.model.humanizer.playback_baselines`.

    Raises:
        ParameterError: Training or validation loops have no hits.
    """
    known = conditions or Conditions()
    examples = cut_examples(train, known.train)
    held_out = cut_examples(validation, known.validation)
    has_offsets = any(example.played.offsets.any() for example in examples)
    spec = HumanizerSpec(units, train[0].steps_per_bar, has_offsets, names)
    start_repeatably(seed)
    model = build_humanizer(spec, dropout)
    begin_with(model, {name: _share(examples, name) for name in spec.heads})
    n_steps = epochs * -(-len(examples) // _BATCH)
    optimizer = make_optimizer(_LEARNING_RATE, n_steps, _WEIGHT_DECAY)
    mean = WeightMean(model.trainable_variables, optimizer, _AVERAGING)
    learn, judge = _make_steps(model, optimizer, mean, spec)
    best: tuple[HumanizerEpoch, dict[str, Array], dict[str, float]] | None = None
    for at in range(1, epochs + 1):
        started, rng = time.perf_counter(), np.random.default_rng([seed, at, *b"humanize"])
        learned = _add_up(learn, draw_example_batches(examples, _BATCH, rng), spec)
        with mean.in_place():
            figures = _add_up(judge, _in_order(held_out), spec)
            seconds = time.perf_counter() - started
            offset, total = figures.get("offset"), sum(learned.values())
            epoch = HumanizerEpoch(at, total, figures["velocity"], offset, seconds)
            if best is None or epoch.validation < best[0].validation:
                best = epoch, read_weights(model, weight_shapes(spec)), figures
        if on_epoch:
            on_epoch(epoch)
    assert best is not None
    epoch, weights, figures = best
    figures = {"best_epoch": epoch.epoch, **figures, **playback_baseline_bits(examples, held_out)}
    rounded = {name: round(value, 4) for name, value in figures.items()}
    return Humanizer(spec, weights, rounded)


def _share(examples: Sequence[TrainingExample], name: str) -> Array:
    """`(n_classes,)` share of each class, with add-one smoothing."""
    n_classes = BUMPS[name].shape[-1]
    counts = np.zeros(1 + n_classes)
    for example in examples:
        counts += np.bincount(example.played.classes(name), minlength=1 + n_classes)
    result: Array = ((counts[1:] + 1) / (counts[1:] + 1).sum()).astype(np.float32)
    return result


def _in_order(examples: Sequence[TrainingExample]) -> Any:
    order = sorted(examples, key=lambda example: len(example.hits))
    return (make_batch(order[at : at + _BATCH]) for at in range(0, len(order), _BATCH))


def _add_up(
    step: Callable[[Any], Any], batches: Iterable[dict[str, NDArray[Any]]], spec: HumanizerSpec
) -> dict[str, float]:
    """Bits per hit by head, from a step's measure of each batch; no entry without hits."""
    nats: Any = sum(np.array(step(to_tensors(batch)), np.float64) for batch in batches)
    pairs = zip(spec.heads, nats, strict=True)
    return {name: float(total / n / _NATS_PER_BIT) for name, (total, n) in pairs if n}


def _make_steps(model: Any, optimizer: Any, mean: WeightMean, spec: HumanizerSpec) -> Any:
    """Compiled train and evaluation steps on a batch; each returns `(n_heads, 2)` nats and hits."""
    import tensorflow as tf

    def measure(batch: Any, training: bool) -> Any:
        logits = model({name: batch[name] for name in model.input}, training=training)
        found = []
        for name in spec.heads:
            played = batch[f"{name}_played"]
            is_known = tf.cast(played > 0, tf.float32)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.maximum(played - 1, 0), logits[name]
            )
            found.append(tf.stack([tf.reduce_sum(nats * is_known), tf.reduce_sum(is_known)]))
        return tf.stack(found)

    def learn(batch: Any) -> Any:
        with tf.GradientTape() as tape:
            found = measure(batch, True)
            loss = tf.reduce_sum(tf.math.divide_no_nan(found[:, 0], found[:, 1]))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        mean.update()
        return found

    compiled = partial(tf.function, reduce_retracing=True, autograph=False)
    return compiled(learn), compiled(partial(measure, training=False))

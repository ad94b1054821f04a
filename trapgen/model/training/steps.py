"""Compiled training steps, on any devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TrainParams
from trapgen.model.training.keras_access import import_tensorflow, set_weights, to_tensors
from trapgen.model.training.network import build_keras
from trapgen.model.training.optimizer import WeightMean, make_optimizer
from trapgen.model.training.training_windows import TrainingWindows
from trapgen.model.words.network import Network
from trapgen.model.words.spec import ModelSpec

_CLIP_NORM: Final = 1.0
_BETA_2: Final = 0.99
_LAST_RATE: Final = 0.02
"""Final learning rate, as a share of its peak."""
_BFLOAT16: Final = (8, 0)
"""Compute capability from which GPUs multiply bfloat16, which needs no loss scaling."""


@dataclass(frozen=True)
class Learner:
    """A network in training.

    On a CPU its LSTMs are those of `trapgen.model.training.scan_lstm`, on a GPU Keras' own, which
    use cuDNN, in bfloat16 where the GPU supports it. Several GPUs share each batch: a replica on
    each processes some of the rows, and gradients are summed before they are clipped.

    Attributes:
        model: The Keras model of the likelihood.
        mean: Average of its weights, which is evaluated and kept.
        optimizer: The optimizer and its state.
        strategy: TensorFlow's distribution strategy.
    """

    model: Any
    mean: WeightMean
    optimizer: Any
    strategy: Any
    _learn: Any
    _judge: Any

    def learn(self, windows: TrainingWindows) -> NDArray[np.float64]:
        """Train on a batch; `(2,)` nats and number of its words."""
        return np.array(self._learn(*self._deal(windows)), np.float64)

    def judge(self, windows: TrainingWindows, size: int) -> NDArray[np.float64]:
        """`(n_windows, 2)` nats and number of each window's words, in batches of `size`."""
        starts = range(0, len(windows), size)
        parts = (windows.take(np.arange(at, min(at + size, len(windows)))) for at in starts)
        batches = (_to_tensors(part) for part in parts)
        return np.concatenate(
            [np.array(self._judge(inputs, is_word), np.float64).T for inputs, _, is_word in batches]
        )

    def _deal(self, windows: TrainingWindows) -> tuple[Any, ...]:
        n_devices = self.strategy.num_replicas_in_sync
        if n_devices == 1:
            return _to_tensors(windows)
        parts = [_to_tensors(part) for part in deal_rows(windows, n_devices)]
        dealt: tuple[Any, ...] = self.strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )
        return dealt


def make_learner(
    spec: ModelSpec, params: TrainParams, n_batches: int, start: Network | None = None
) -> Learner:
    """Build the network and compile its steps.

    Args:
        spec: The network.
        params: Learning rate, epochs and so on.
        n_batches: Batches per epoch.
        start: Initial weights; by default random.
    """
    _, tf = import_tensorflow()
    strategy = choose_strategy()
    gpus = tf.config.list_physical_devices("GPU")
    with strategy.scope():
        model = build_keras(spec, scans=not gpus, precision=choose_precision()).likelihood
        if start is not None:
            set_weights(model, start.weights)
        optimizer = make_optimizer(
            params.learning_rate,
            params.epochs * n_batches,
            params.weight_decay,
            last_rate=_LAST_RATE,
            beta_2=_BETA_2,
            # Keras sums the devices' gradients after clipping.
            clip_norm=_CLIP_NORM / strategy.num_replicas_in_sync,
        )
        mean = WeightMean(model.trainable_variables, optimizer, params.averaging)
    steps = _compile_steps(model, optimizer, mean, strategy)
    return Learner(model, mean, optimizer, strategy, *steps)


def choose_strategy() -> Any:
    """One device, or all GPUs if there are several."""
    _, tf = import_tensorflow()
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def choose_precision() -> str:
    """Keras' name of the LSTMs' precision: below float32 if every GPU supports bfloat16."""
    _, tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    found = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    capable = [details.get("compute_capability", (0, 0)) >= _BFLOAT16 for details in found]
    return "mixed_bfloat16" if capable and all(capable) else "float32"


def deal_rows(windows: TrainingWindows, n_parts: int) -> list[TrainingWindows]:
    """Split windows into parts of equal size, padded with windows of weight 0."""
    n_rows = -(-len(windows) // n_parts) * n_parts
    filled = windows.take(np.minimum(np.arange(n_rows), len(windows) - 1))
    weight = (np.arange(n_rows) < len(windows)).astype(np.float32)[:, None]
    filled = replace(filled, is_target=filled.is_target * weight, is_word=filled.is_word * weight)
    return [filled.take(rows) for rows in np.split(np.arange(n_rows), n_parts)]


def _to_tensors(windows: TrainingWindows) -> tuple[Any, ...]:
    _, tf = import_tensorflow()
    inputs = to_tensors({**vars(windows.inputs), "target": windows.targets})
    return inputs, tf.constant(windows.is_target), tf.constant(windows.is_word)


def _compile_steps(model: Any, optimizer: Any, mean: WeightMean, strategy: Any) -> tuple[Any, Any]:
    """Compiled train and evaluation steps, which return nats and number of words.

    The train step sums over all windows; the evaluation step returns one row per window.
    """
    import tensorflow as tf

    n_devices = strategy.num_replicas_in_sync

    def add_up(values: Any) -> Any:
        if n_devices == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce("sum", values)

    def learn_part(inputs: Any, is_target: Any, is_word: Any) -> Any:
        n_targets = add_up(tf.reduce_sum(is_target))
        with tf.GradientTape() as tape:
            each = -model(inputs, training=True)
            loss = tf.reduce_sum(each * is_target) / n_targets
        gradients = add_up(tape.gradient(loss, model.trainable_variables))
        if n_devices > 1:
            gradients = [gradient / n_devices for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tf.reduce_sum(each * is_word), tf.reduce_sum(is_word)

    def learn(*windows: Any) -> Any:
        parts = strategy.run(learn_part, windows)
        mean.update()
        return [strategy.reduce("sum", part, axis=None) for part in parts]

    def judge(inputs: Any, is_word: Any) -> Any:
        each = -model(inputs, training=False)
        return tf.reduce_sum(each * is_word, axis=1), tf.reduce_sum(is_word, axis=1)

    compiled = partial(tf.function, reduce_retracing=True)
    return compiled(learn), compiled(judge)

"""The network in Keras: the same function as `trapgen.model.Network`, with gradients."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from trapgen.codec import N_TARGETS
from trapgen.model import (
    N_LOOP_BARS,
    N_TOKENS,
    TOKEN_TABLE,
    VOICES_OF_TARGET,
    Array,
    ModelSpec,
    Network,
    weight_shapes,
)


def import_tensorflow() -> tuple[Any, Any]:
    """Keras and TensorFlow, without their start-up messages on machines that have no GPU."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_start() if "tensorflow" not in sys.modules else nullcontext():
        import keras
        import tensorflow as tf

        # Looks for devices now, not in the middle of the first epoch.
        tf.config.list_physical_devices()
    return keras, tf


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Close the process's standard error: TensorFlow writes there before its log level counts."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def build_keras(spec: ModelSpec) -> Any:
    """The network as a functional Keras model.

    Its inputs are `Inputs`' arrays by name, int64, `(batch, n_tokens)` and, of `lookback`,
    `(batch, n_tokens, lookback_bars)`; its output is `(batch, n_tokens, N_TARGETS)` scores.
    """
    keras, _ = import_tensorflow()
    layers, ops = keras.layers, keras.ops

    def fixed(table: Array, name: str) -> Any:
        return layers.Embedding(
            *table.shape,
            embeddings_initializer=keras.initializers.Constant(table),
            trainable=False,
            name=name,
        )

    inputs = {
        name: keras.Input((None,), dtype="int64", name=name)
        for name in ("previous", "position", "bar")
    }
    inputs["lookback"] = keras.Input((None, spec.lookback_bars), dtype="int64", name="lookback")
    if spec.architecture == "paper":
        x = fixed(np.eye(N_TOKENS, dtype=np.float32), "one_hot")(inputs["previous"])
    else:
        told = fixed(TOKEN_TABLE, "told")
        parts = [told(inputs["previous"])]
        parts += [told(inputs["lookback"][:, :, k]) for k in range(spec.lookback_bars)]
        length = spec.codec.bar_length
        place = fixed(np.eye(length, dtype=np.float32), "place_in_bar")(inputs["position"])
        parts.append(place)
        place_in_loop = fixed(np.eye(N_LOOP_BARS, dtype=np.float32), "place_in_loop")
        parts.append(place_in_loop(inputs["bar"]))
        x = layers.Concatenate(name="features")(parts)
    for layer in range(spec.layers):
        x = layers.LSTM(spec.units, return_sequences=True, name=f"lstm_{layer}")(x)
        x = layers.Dropout(spec.dropout, name=f"dropout_{layer}")(x)
    scores = layers.Dense(N_TARGETS, name="words")(x)
    if spec.architecture != "paper":
        told_last = layers.Concatenate(name="voices_told")([x, place])
        voices = layers.Dense(len(VOICES_OF_TARGET), name="voices")(told_last)
        scores += ops.matmul(voices, ops.convert_to_tensor(VOICES_OF_TARGET))
        if spec.lookback_bars:
            repeats = layers.Dense(spec.lookback_bars, name="repeats")(x)
            for k in range(spec.lookback_bars):
                # Out of range, as PAD and START are, one_hot gives zeros.
                ago = ops.one_hot(inputs["lookback"][:, :, k], N_TARGETS)
                scores += repeats[:, :, k : k + 1] * ago
    return keras.Model(inputs, scores, name=spec.architecture)


def weights_of(model: Any, spec: ModelSpec) -> dict[str, Array]:
    """The Keras model's trainable weights by name, as `trapgen.model.Network` takes them."""
    weights: dict[str, Array] = {}
    for name in weight_shapes(spec):
        weights[name] = np.asarray(_variable(model, name), np.float32)
    return weights


def _variable(model: Any, name: str) -> Any:
    layer, kind = name.split("/")
    holder = model.get_layer(layer)
    return getattr(holder.cell if layer.startswith("lstm") else holder, kind)


def load_keras(network: Network) -> Any:
    """A Keras model with a network's weights."""
    model = build_keras(network.spec)
    for name, value in network.weights.items():
        _variable(model, name).assign(value)
    return model

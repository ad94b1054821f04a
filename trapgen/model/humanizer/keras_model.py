"""The humanizer in Keras: the same function as `trapgen.model.Humanizer`, with gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from trapgen.model.humanizer.spec import (
    BUMPS,
    N_RECALL_FEATURES,
    N_RECALLS,
    Array,
    HumanizerSpec,
    weight_shapes,
)
from trapgen.model.training.keras_access import get_variable, import_tensorflow
from trapgen.model.words.spec import N_CONDITIONS

_CONDITION_SCALE: Final = 0.5
"""Scale of the initial condition weights. With Keras' own, 0.03, conditions have no effect in the
first epochs."""


def build_humanizer(spec: HumanizerSpec, dropout: float = 0.0) -> Any:
    """A functional Keras model with dropout on the outputs of its LSTMs.

    Inputs: `features`, `(batch, n_hits, n_features)` float32; `backwards`, `(batch, n_hits)` int64,
    the index of the hit at each position of the reversed loop; `recalled_features`,
    `(batch, n_hits, 32)` float32; `condition`, `(batch, 4)` int64; and `velocity_recalled` and,
    with microtiming, `offset_recalled`, `(batch, n_hits, 8)` int64 classes. Outputs: logits of each
    head's classes, `(batch, n_hits, n_classes)`, by name.
    """
    keras, _ = import_tensorflow()
    layers, ops = keras.layers, keras.ops
    inputs = {
        "features": keras.Input((None, spec.n_features), name="features"),
        "backwards": keras.Input((None,), dtype="int64", name="backwards"),
        "recalled_features": keras.Input(
            (None, N_RECALLS * N_RECALL_FEATURES), name="recalled_features"
        ),
        "condition": keras.Input((N_CONDITIONS,), dtype="int64", name="condition"),
    } | {
        # Without microtiming the offset is not an input.
        name: keras.Input((None, N_RECALLS), dtype="int64", name=name)
        for name in (f"{head}_recalled" for head in spec.heads)
    }
    features = inputs["features"]
    turn = inputs["backwards"][..., None]
    coming = layers.LSTM(spec.units, return_sequences=True, name="coming")(
        ops.take_along_axis(features, turn, axis=1)
    )
    coming = layers.Dropout(dropout)(ops.take_along_axis(coming, turn, axis=1))
    parts = [features, coming, inputs["recalled_features"]]
    if spec.conditions:
        table = layers.Embedding(
            *weight_shapes(spec)["conditions/embeddings"],
            embeddings_initializer=keras.initializers.RandomNormal(stddev=_CONDITION_SCALE),
            name="conditions",
        )
        known = ops.sum(table(inputs["condition"]), axis=1, keepdims=True)
        parts.append(ops.zeros_like(features[..., :1]) + known)
    x = layers.Concatenate(name="played_inputs")(parts)
    x = layers.LSTM(spec.units, return_sequences=True, name="played")(x)
    x = layers.Concatenate(name="both")([layers.Dropout(dropout)(x), coming])
    logits = {name: _score(name, x, inputs[f"{name}_recalled"]) for name in spec.heads}
    return keras.Model(inputs, logits, name="humanizer")


def _score(name: str, x: Any, recalled: Any) -> Any:
    keras, _ = import_tensorflow()
    layers, ops = keras.layers, keras.ops
    bumps = BUMPS[name]
    n_places, n_widths, n_classes = bumps.shape
    said = layers.Dense(n_classes + N_RECALLS * n_widths, name=name)(x)
    heights = layers.Reshape((-1, N_RECALLS, n_widths))(said[..., n_classes:])
    # Bell heights are gathered per class first: one bell per recalled hit would not fit in memory.
    spread = ops.matmul(ops.transpose(ops.one_hot(recalled, n_places), (0, 1, 3, 2)), heights)
    spread = layers.Reshape((-1, n_places * n_widths))(spread)
    table = ops.convert_to_tensor(bumps.reshape(-1, n_classes))
    return said[..., :n_classes] + ops.matmul(spread, table)


def begin_with(model: Any, shares: Mapping[str, Array]) -> None:
    """Set output biases so that a new model samples classes with these shares, `(n_classes,)`."""
    for name, share in shares.items():
        bias = get_variable(model, f"{name}/bias")
        heights = np.zeros(bias.shape[0] - len(share), np.float32)
        bias.assign(np.concatenate([np.log(share), heights]))

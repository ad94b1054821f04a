"""The network in Keras: the same function as `trapgen.model.words.Network`, with gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from trapgen.core import N_TARGETS, N_VOICES, PAD
from trapgen.model.training.keras_access import import_tensorflow, set_weights
from trapgen.model.words.network import LEAST_PROBABILITY, NEVER, Network
from trapgen.model.words.spec import (
    N_CONDITIONS,
    N_LAG_SIMILARITIES,
    N_LOOP_BARS,
    N_TOKEN_FEATURES,
    TOKEN_TABLE,
    VOICES_OF_TARGET,
    Array,
    ModelSpec,
    weight_shapes,
)

_FEATURE_SHARE: Final = 0.3
"""Dropout of input features, as a share of the dropout of LSTM outputs."""

_SELDOM: Final = -2.0
"""Initial probability of copying a word: one in eight."""


@dataclass(frozen=True)
class Built:
    """Two Keras models that share layers.

    Attributes:
        logits: Maps `Inputs`' arrays by name, `(batch, n_tokens)` and so on, to
            `(batch, n_tokens, N_TARGETS)` logits.
        likelihood: Maps the same and `target`, `(batch, n_tokens)` int64, to `(batch, n_tokens)`
            natural logs of the targets' probabilities. It computes copy probabilities only for the
            targets, not for the whole vocabulary.
    """

    logits: Any
    likelihood: Any


def build_keras(spec: ModelSpec, *, scans: bool = False, precision: str = "float32") -> Built:
    """The network as functional Keras models.

    Args:
        spec: Its shape.
        scans: Whether `trapgen.model.training.scan_lstm` replaces Keras' own LSTM.
        precision: Keras' name of the precision of its LSTMs and of the words' logits, as
            `mixed_bfloat16`; weights and all else are float32.
    """
    keras, _ = import_tensorflow()
    ops = keras.ops
    inputs = _make_inputs(spec)
    matches = _match(spec, inputs)
    x, skipped = _make_features(spec, inputs, matches)
    for layer in range(spec.layers):
        x = make_lstm(spec.units, f"lstm_{layer}", scans, precision)(x)
        x = keras.layers.Dropout(spec.dropout, name=f"dropout_{layer}")(x)
    logits = keras.layers.Dense(N_TARGETS, name="words", dtype=precision)(x)
    both = keras.layers.Concatenate(name="voices_inputs")([x, skipped])
    voices = keras.layers.Dense(len(VOICES_OF_TARGET), name="voices")(both)
    logits = ops.cast(logits, "float32")
    logits += ops.matmul(voices, ops.convert_to_tensor(VOICES_OF_TARGET))
    target = keras.Input((None,), dtype="int64", name="target")
    found = -ops.sparse_categorical_crossentropy(target, logits, from_logits=True)
    copied = _copy(x, matches)
    kept = 1 - ops.sum(copied, axis=-1)
    # one_hot maps PAD and START, which are out of range, to zeros.
    spread = ops.one_hot(inputs["lookback"], N_TARGETS)
    copies = ops.matmul(copied[:, :, None], spread)[:, :, 0]
    logits = _log(kept[..., None] * ops.softmax(logits) + copies)
    hits = ops.cast(ops.equal(inputs["lookback"], target[..., None]), "float32")
    found = _log(kept * ops.exp(found) + ops.sum(copied * hits, axis=-1))
    return Built(
        keras.Model(inputs, logits, name="words"),
        keras.Model({**inputs, "target": target}, found, name="words_likelihood"),
    )


def make_lstm(units: int, name: str, scans: bool, precision: str = "float32") -> Any:
    """An LSTM layer with an output at every step (see `build_keras`)."""
    keras, _ = import_tensorflow()
    if scans:
        from trapgen.model.training.scan_lstm import ScanLSTM

        return ScanLSTM(units, name=name)
    return keras.layers.LSTM(units, return_sequences=True, name=name, dtype=precision)


def _make_inputs(spec: ModelSpec) -> dict[str, Any]:
    keras, _ = import_tensorflow()
    shapes: dict[str, tuple[int | None, ...]]
    shapes = dict.fromkeys(("previous", "position", "bar"), (None,))
    shapes["lookback"] = (None, spec.n_lags)
    shapes["lag_similarity"] = (None, spec.n_lags, N_LAG_SIMILARITIES)
    shapes["condition"] = (None, N_CONDITIONS)
    return {
        name: keras.Input(
            shape, dtype="float16" if name == "lag_similarity" else "int64", name=name
        )
        for name, shape in shapes.items()
    }


def _fixed(table: Array, name: str) -> Any:
    """A lookup table that is not trained."""
    keras, _ = import_tensorflow()
    return keras.layers.Embedding(
        *table.shape,
        embeddings_initializer=keras.initializers.Constant(table),
        trainable=False,
        name=name,
    )


def _make_features(spec: ModelSpec, inputs: dict[str, Any], matches: _Matches) -> tuple[Any, Any]:
    """Features that the first LSTM reads, and those skipped to the voices' layer."""
    keras, _ = import_tensorflow()
    layers = keras.layers
    length = spec.codec.bar_length
    place = _fixed(np.eye(length, dtype=np.float32), "place_in_bar")(inputs["position"])
    embed = _fixed(TOKEN_TABLE, "token_features")
    bar = _fixed(np.eye(N_LOOP_BARS, dtype=np.float32), "place_in_loop")(inputs["bar"])
    previous = embed(inputs["previous"])
    n_lags = spec.n_lookback_lags
    looked = layers.Reshape((-1, n_lags * N_TOKEN_FEATURES))(matches.looked[:, :, :n_lags])
    lag_similarity = layers.Reshape((-1, n_lags * N_LAG_SIMILARITIES))(
        matches.lag_similarity[:, :, :n_lags]
    )
    skipped = layers.Concatenate(name="skipped")([place, looked, _recall(spec, matches)])
    # Dropout removes a feature from a whole window, so the network relies on no single one.
    drop = partial(layers.Dropout, spec.dropout * _FEATURE_SHARE, noise_shape=(None, 1, None))
    features = layers.Concatenate(name="lstm_inputs")([previous, bar, lag_similarity, skipped])
    features = drop(name="feature_dropout")(features)
    if spec.conditions:
        table = layers.Embedding(*weight_shapes(spec)["conditions/embeddings"], name="conditions")
        known = keras.ops.sum(table(inputs["condition"]), axis=2)
        features = layers.Concatenate(name="features")([features, known])
    return features, layers.Dropout(spec.dropout * _FEATURE_SHARE, name="skip_dropout")(skipped)


@dataclass(frozen=True)
class _Matches:
    """As `trapgen.model.words.network.LagMatches`, with the layer's inputs per position."""

    hidden: Any
    logits: Any
    lag_similarity: Any
    looked: Any


def _match(spec: ModelSpec, inputs: dict[str, Any]) -> _Matches:
    keras, _ = import_tensorflow()
    layers, ops = keras.layers, keras.ops
    lag_similarity = ops.cast(inputs["lag_similarity"], "float32")
    places = ops.pad(lag_similarity, ((0, 0), (0, 0), (0, 1), (0, 0)))
    lag = ops.convert_to_tensor(np.eye(spec.n_lags + 1, dtype=np.float32))
    lag = ops.zeros_like(places[..., :1]) + lag
    both = layers.Concatenate(name="match_inputs")([places, lag])
    hidden = layers.Dense(spec.match_units, activation="tanh", name="match")(both)
    before = ops.cast(ops.equal(inputs["lookback"], PAD), "float32")
    before = ops.pad(before, ((0, 0), (0, 0), (0, 1)))
    logits = layers.Dense(spec.heads + 1, name="heads")(hidden) + NEVER * before[..., None]
    looked = _fixed(TOKEN_TABLE, "looked")(inputs["lookback"])
    return _Matches(hidden, logits, lag_similarity, looked)


def _recall(spec: ModelSpec, matches: _Matches) -> Any:
    keras, _ = import_tensorflow()
    ops = keras.ops
    shares = ops.softmax(ops.transpose(matches.logits[..., :-1], (0, 1, 3, 2)))
    expected = ops.matmul(shares[..., :-1], matches.looked[..., :N_VOICES])
    both = ops.concatenate([expected, shares[..., -1:]], axis=-1)
    return keras.layers.Reshape((-1, spec.n_recalled))(both)


def _copy(x: Any, matches: _Matches) -> Any:
    """`(batch, n_tokens, n_lags)` probability that each position's word is copied."""
    keras, _ = import_tensorflow()
    layers, ops = keras.layers, keras.ops
    query = layers.Dense(matches.hidden.shape[-1], name="query")(x)
    wanted = matches.logits[..., -1] + ops.matmul(matches.hidden, query[..., None])[..., 0]
    gate = layers.Dense(1, activation="sigmoid", name="copy", bias_initializer=_constant(_SELDOM))(
        x
    )
    return gate * ops.softmax(wanted)[..., :-1]


def _constant(value: float) -> Any:
    keras, _ = import_tensorflow()
    return keras.initializers.Constant(value)


def _log(probability: Any) -> Any:
    keras, _ = import_tensorflow()
    return keras.ops.log(keras.ops.maximum(probability, LEAST_PROBABILITY))


def load_keras(network: Network) -> Any:
    """A Keras model with a network's weights, from `Inputs`' arrays to logits."""
    model = build_keras(network.spec).logits
    set_weights(model, network.weights)
    return model

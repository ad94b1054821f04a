"""The word network in numpy and ONNX Runtime, for reading, scoring and sampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import N_TARGETS, N_VOICES, PAD
from trapgen.model.layers import Layers, check_shapes, log_softmax, sigmoid
from trapgen.model.words.inputs import Inputs, iterate_inputs
from trapgen.model.words.spec import (
    N_LOOP_BARS,
    TOKEN_TABLE,
    VOICES_OF_TARGET,
    Array,
    ModelSpec,
    Tokens,
    weight_shapes,
)

NEVER: Final = -1e9
"""Logit of a lagged position before the loop's start."""

LEAST_PROBABILITY: Final = 1e-30
"""Lower bound that keeps the logarithm finite."""

_SPREAD: Final = "spread/kernel"
"""Name of `VOICES_OF_TARGET` among the weights."""


@dataclass(frozen=True)
class State:
    """State of the LSTMs: `(layers, n_loops, units)` hidden and cell values."""

    hidden: Array
    cell: Array


@dataclass(frozen=True)
class LagMatches:
    """Comparison of each lagged position with the current one.

    Attributes:
        hidden: `(n_loops, n_lags + 1, match_units)`; the last index means no position.
        logits: `(n_loops, n_lags + 1, heads + 1)` attention logits; the last head copies.
    """

    hidden: Array
    logits: Array


class Network:
    """A trained network whose output for a loop does not depend on the other loops in the batch.

    Args:
        spec: Its shape.
        weights: float32 arrays by name, as `trapgen.model.training` reads them from Keras; must
            not change after the first step.

    Raises:
        ModelError: A weight is missing or has another shape.
    """

    def __init__(
        self, spec: ModelSpec, weights: Mapping[str, Array], path: Path | str = ""
    ) -> None:
        check_shapes(weights, weight_shapes(spec), path or "the model")
        self.spec = spec
        self.weights = dict(weights)

    @cached_property
    def _layers(self) -> Layers:
        return Layers({**self.weights, _SPREAD: VOICES_OF_TARGET})

    def start(self, n_loops: int) -> State:
        """The state before a loop's first token."""
        shape = (self.spec.layers, n_loops, self.spec.units)
        return State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def step(self, inputs: Inputs, state: State) -> tuple[Array, State]:
        """Read one token of many loops.

        Args:
            inputs: One token long: `(n_loops, 1)`, `(n_loops, 1, n_lags)` and so on.
            state: State before the token.

        Returns:
            `(n_loops, N_TARGETS)` log-probabilities up to a constant a row, and the next state.
        """
        now = Inputs(*(value[:, 0] for value in vars(inputs).values()))
        matches = self._match(now)
        layer_input, skipped = self._features(now, matches)
        hidden, cell = np.empty_like(state.hidden), np.empty_like(state.cell)
        for layer in range(self.spec.layers):
            x, cell[layer] = self._layers.lstm(
                f"lstm_{layer}", layer_input, state.hidden[layer], state.cell[layer]
            )
            hidden[layer] = layer_input = x
        # Skip connection: position also reaches the voices' layer, so BAR is predicted reliably.
        voices = self._layers.dense("voices", np.concatenate([x, skipped], axis=-1))
        logits = self._layers.dense("words", x) + self._layers.multiply(_SPREAD, voices)
        return self._copy(logits, x, now, matches), State(hidden, cell)

    def log_probabilities(self, tokens: Tokens, condition: Tokens | None = None) -> Array:
        """`(n_loops, n_tokens)` natural log of the probability of every token of whole loops.

        Args:
            tokens: `(n_loops, n_tokens)` words and BARs, padded with PAD at the end.
            condition: `(n_loops, 4)` numbers of the loops' conditions; by default unknown.
        """
        state = self.start(len(tokens))
        result = np.zeros(tokens.shape, np.float32)
        for at, inputs in enumerate(iterate_inputs(tokens, self.spec, condition)):
            logits, state = self.step(inputs, state)
            target = np.minimum(tokens[:, at], N_TARGETS - 1)
            result[:, at] = log_softmax(logits)[np.arange(len(tokens)), target]
        return result

    def _features(self, now: Inputs, matches: LagMatches) -> tuple[Array, Array]:
        """Features that the first LSTM reads, and those skipped to the voices' layer."""
        n_loops = len(now.previous)
        previous = TOKEN_TABLE[now.previous]
        position = _one_hot(now.position, self.spec.codec.bar_length)
        bar = _one_hot(now.bar, N_LOOP_BARS)
        n_lags = self.spec.n_lookback_lags
        looked = TOKEN_TABLE[now.lookback[:, :n_lags]].reshape(n_loops, -1)
        lag_similarity = now.lag_similarity[:, :n_lags].astype(np.float32).reshape(n_loops, -1)
        skipped = np.concatenate([position, looked, self._recall(now, matches)], axis=-1)
        parts = [previous, bar, lag_similarity, skipped]
        if self.spec.conditions:
            parts.append(self.weights["conditions/embeddings"][now.condition].sum(axis=1))
        return np.concatenate(parts, axis=-1), skipped

    def _match(self, now: Inputs) -> LagMatches:
        lag_similarity = now.lag_similarity.astype(np.float32)
        lag_similarity = np.pad(lag_similarity, ((0, 0), (0, 1), (0, 0)))
        lag = np.broadcast_to(
            np.eye(lag_similarity.shape[1], dtype=np.float32),
            (len(lag_similarity), *[lag_similarity.shape[1]] * 2),
        )
        hidden: Array = np.tanh(
            self._layers.dense("match", np.concatenate([lag_similarity, lag], axis=-1))
        )
        before = np.pad(now.lookback == PAD, ((0, 0), (0, 1))).astype(np.float32)
        logits = self._layers.dense("heads", hidden) + np.float32(NEVER) * before[..., None]
        return LagMatches(hidden, logits)

    def _recall(self, now: Inputs, matches: LagMatches) -> Array:
        """`(n_loops, n_recalled)` voices expected by each head, and its weight on no position."""
        shares = np.exp(log_softmax(matches.logits[..., :-1].swapaxes(1, 2)))
        voices = TOKEN_TABLE[now.lookback][..., :N_VOICES]
        expected = shares[..., :-1] @ voices
        return np.concatenate([expected, shares[..., -1:]], axis=-1).reshape(len(voices), -1)

    def _copy(self, logits: Array, x: Array, now: Inputs, matches: LagMatches) -> Array:
        """Log-probabilities of a mixture of the LSTMs' prediction and a copied earlier word."""
        query = self._layers.dense("query", x)
        wanted = matches.logits[..., -1] + (matches.hidden @ query[..., None])[..., 0]
        shares = np.exp(log_softmax(wanted))
        copied = sigmoid(self._layers.dense("copy", x)) * shares
        # The copy head's weight on no position goes to the LSTMs.
        kept = 1 - copied[:, :-1].sum(axis=-1, keepdims=True)
        mixed = kept * np.exp(log_softmax(logits))
        known = now.lookback < N_TARGETS
        rows = np.broadcast_to(np.arange(len(x))[:, None], known.shape)
        np.add.at(mixed, (rows[known], now.lookback[known]), copied[:, :-1][known])
        result: Array = np.log(np.maximum(mixed, np.float32(LEAST_PROBABILITY)))
        return result


def _one_hot(values: Tokens, depth: int) -> Array:
    return np.eye(depth, dtype=np.float32)[values]

"""The model: what it is told at each step, its network in plain numpy, and its folder on disk.

A stack of LSTMs reads the loop's tokens and predicts the next word or BAR at every step. The
`lookback` architecture is told, beside the last token, where in the bar and the loop it stands and
the words of the same step some bars ago (after Waite 2016, Lookback RNN, Magenta). Its scores add
three things: one a word, one a voice that sounds in the word, and one for repeating each word that
it looks back to. `paper` is the network of Choi et al. 2016 (arXiv 1604.05358): the last token
alone, one score a word.

Training is TensorFlow's (`trapgen.train`); reading, scoring and sampling need only numpy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.codec import BAR, N_TARGETS, N_WORDS, PAD, START, Codec, to_onsets
from trapgen.errors import ModelError, TableError
from trapgen.kit import N_VOICES
from trapgen.params import TrainParams
from trapgen.store import read_arrays, read_json, write_arrays, write_json

Array = NDArray[np.float32]
Tokens = NDArray[np.int64]

N_TOKENS: Final = PAD + 1
N_TOLD: Final = N_VOICES + 2
"""What is told of a token: its voices, whether it is BAR, whether it is nothing yet."""

N_LOOP_BARS: Final = 4
"""The place in the loop is told modulo this many bars."""


def _token_table() -> Array:
    table = np.zeros((N_TOKENS, N_TOLD), np.float32)
    table[:N_WORDS, :N_VOICES] = to_onsets(np.arange(N_WORDS))
    table[BAR, N_VOICES] = 1
    table[[START, PAD], N_VOICES + 1] = 1
    return table


TOKEN_TABLE: Final = _token_table()
"""`(N_TOKENS, N_TOLD)` float32."""

VOICES_OF_TARGET: Final = np.ascontiguousarray(TOKEN_TABLE[:N_TARGETS, : N_VOICES + 1].T)
"""`(10, N_TARGETS)`: spreads a score a voice, and one for BAR, over the targets."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that shapes the network; saved beside its weights."""

    architecture: str
    layers: int
    units: int
    dropout: float
    lookback_bars: int
    steps_per_bar: int

    @classmethod
    def of(cls, params: TrainParams, codec: Codec) -> ModelSpec:
        """The network that the parameters ask for; `paper` brings its own sizes."""
        if params.architecture == "paper":
            return cls("paper", 3, 512, 0.2, 0, codec.steps_per_bar)
        return cls(
            params.architecture,
            params.layers,
            params.units,
            params.dropout,
            params.lookback_bars,
            codec.steps_per_bar,
        )

    @property
    def codec(self) -> Codec:
        """What the tokens mean."""
        return Codec(self.steps_per_bar)

    @property
    def n_features(self) -> int:
        """Width of what the first LSTM reads."""
        if self.architecture == "paper":
            return N_TOKENS
        return N_TOLD * (1 + self.lookback_bars) + self.codec.bar_length + N_LOOP_BARS


@dataclass(frozen=True)
class Inputs:
    """What the network is told before it predicts each target.

    Attributes:
        previous: `(n_loops, n_tokens)` the token before.
        position: `(n_loops, n_tokens)` place in the bar, `steps_per_bar` where BAR is due.
        bar: `(n_loops, n_tokens)` place in the loop, in bars, modulo `N_LOOP_BARS`.
        lookback: `(n_loops, n_tokens, lookback_bars)` tokens one, two … bars ago; PAD before the
            loop's start.
    """

    previous: Tokens
    position: Tokens
    bar: Tokens
    lookback: Tokens


def first_token(spec: ModelSpec) -> int:
    """What stands before a loop's first token; in the paper's stream, the BAR of the last loop."""
    return BAR if spec.architecture == "paper" else START


def make_inputs(tokens: Tokens, spec: ModelSpec) -> Inputs:
    """Inputs for predicting every token of loops in whole bars.

    Args:
        tokens: `(n_loops, n_tokens)` words and BARs, padded with PAD behind.
        spec: The network.
    """
    n_loops, n_tokens = tokens.shape
    length = spec.codec.bar_length
    place = np.broadcast_to(np.arange(n_tokens), tokens.shape)
    previous = np.full_like(tokens, first_token(spec))
    previous[:, 1:] = tokens[:, :-1]
    lookback = np.full((n_loops, n_tokens, spec.lookback_bars), PAD, np.int64)
    for k in range(spec.lookback_bars):
        ago = (k + 1) * length
        lookback[:, ago:, k] = tokens[:, : max(0, n_tokens - ago)]
    return Inputs(previous, place % length, place // length % N_LOOP_BARS, lookback)


@dataclass(frozen=True)
class State:
    """What the LSTMs remember: `(layers, n_loops, units)` hidden and cell values."""

    hidden: Array
    cell: Array


class Network:
    """A trained network, in numpy.

    Args:
        spec: Its shape.
        weights: float32 arrays by name, as `trapgen.train` takes them from Keras.

    Raises:
        ModelError: A weight is missing or has another shape.
    """

    def __init__(
        self, spec: ModelSpec, weights: Mapping[str, Array], path: Path | str = ""
    ) -> None:
        for name, shape in weight_shapes(spec).items():
            found = weights[name].shape if name in weights else None
            if found != shape:
                raise ModelError(
                    path or "the model", name, found, f"The weight must have shape {shape}."
                )
        self.spec = spec
        self.weights = dict(weights)

    def start(self, n_loops: int) -> State:
        """The state before a loop's first token."""
        shape = (self.spec.layers, n_loops, self.spec.units)
        return State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def step(self, inputs: Inputs, state: State) -> tuple[Array, State]:
        """Read one token of many loops.

        Args:
            inputs: One token long: `(n_loops, 1)` and `(n_loops, 1, lookback_bars)`.
            state: What the network remembers.

        Returns:
            `(n_loops, N_TARGETS)` log-probabilities up to a constant a row, and the next state.
        """
        x = self._features(inputs)[:, 0]
        hidden, cell = np.empty_like(state.hidden), np.empty_like(state.cell)
        for layer in range(self.spec.layers):
            x, cell[layer] = self._cell(layer, x, state.hidden[layer], state.cell[layer])
            hidden[layer] = x
        return self._scores(x, inputs), State(hidden, cell)

    def log_probabilities(self, tokens: Tokens) -> Array:
        """`(n_loops, n_tokens)` natural log of the probability of every token of whole loops."""
        inputs = make_inputs(tokens, self.spec)
        state = self.start(len(tokens))
        result = np.zeros(tokens.shape, np.float32)
        for at in range(tokens.shape[1]):
            now = slice(at, at + 1)
            scores, state = self.step(
                Inputs(
                    inputs.previous[:, now],
                    inputs.position[:, now],
                    inputs.bar[:, now],
                    inputs.lookback[:, now],
                ),
                state,
            )
            target = np.minimum(tokens[:, at], N_TARGETS - 1)
            result[:, at] = log_softmax(scores)[np.arange(len(tokens)), target]
        return result

    def _features(self, inputs: Inputs) -> Array:
        if self.spec.architecture == "paper":
            return _one_hot(inputs.previous, N_TOKENS)
        tokens = np.concatenate([inputs.previous[..., None], inputs.lookback], axis=-1)
        told = TOKEN_TABLE[tokens].reshape(*inputs.previous.shape, -1)
        position = _one_hot(inputs.position, self.spec.codec.bar_length)
        bar = _one_hot(inputs.bar, N_LOOP_BARS)
        return np.concatenate([told, position, bar], axis=-1)

    def _cell(self, layer: int, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        weights = self.weights
        gates = (
            x @ weights[f"lstm_{layer}/kernel"]
            + hidden @ weights[f"lstm_{layer}/recurrent_kernel"]
            + weights[f"lstm_{layer}/bias"]
        )
        # Keras' order: input, forget, candidate, output.
        i, f, c, o = np.split(gates, 4, axis=-1)
        cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(c)
        return _sigmoid(o) * np.tanh(cell), cell

    def _scores(self, x: Array, inputs: Inputs) -> Array:
        weights = self.weights
        scores: Array = x @ weights["words/kernel"] + weights["words/bias"]
        if self.spec.architecture == "paper":
            return scores
        # The place in the bar goes to the voices unmixed: where BAR is due is no matter of taste.
        place = _one_hot(inputs.position[:, 0], self.spec.codec.bar_length)
        told = np.concatenate([x, place], axis=-1)
        voices = told @ weights["voices/kernel"] + weights["voices/bias"]
        scores += voices @ VOICES_OF_TARGET
        if self.spec.lookback_bars:
            repeats = x @ weights["repeats/kernel"] + weights["repeats/bias"]
            for k, ago in enumerate(inputs.lookback[:, 0].T):
                known = ago < N_TARGETS
                scores[known, ago[known]] += repeats[known, k]
        return scores


def _one_hot(values: Tokens, depth: int) -> Array:
    return np.eye(depth, dtype=np.float32)[values]


def _sigmoid(x: Array) -> Array:
    # By tanh: no overflow at either end.
    result: Array = np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))
    return result


def log_softmax(scores: Array) -> Array:
    """Natural log of the softmax over the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def weight_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """The shape of every weight, by name, in the order that they are saved in."""
    shapes: dict[str, tuple[int, ...]] = {}
    width = spec.n_features
    for layer in range(spec.layers):
        shapes[f"lstm_{layer}/kernel"] = (width, 4 * spec.units)
        shapes[f"lstm_{layer}/recurrent_kernel"] = (spec.units, 4 * spec.units)
        shapes[f"lstm_{layer}/bias"] = (4 * spec.units,)
        width = spec.units
    heads = {"words": (width, N_TARGETS)}
    if spec.architecture != "paper":
        heads["voices"] = (width + spec.codec.bar_length, len(VOICES_OF_TARGET))
        if spec.lookback_bars:
            heads["repeats"] = (width, spec.lookback_bars)
    for name, shape in heads.items():
        shapes[f"{name}/kernel"] = shape
        shapes[f"{name}/bias"] = shape[1:]
    return shapes


def save_network(folder: Path, network: Network) -> None:
    """Write `model.json`, `codec.json` and `weights.npz`; the same weights give the same bytes."""
    write_json(folder / "model.json", dataclasses.asdict(network.spec))
    network.spec.codec.save(folder / "codec.json")
    ordered = {name: network.weights[name] for name in weight_shapes(network.spec)}
    write_arrays(folder / "weights.npz", ordered)


def load_network(folder: Path) -> Network:
    """Read a model's folder.

    Raises:
        ModelError: Something is missing, or was written for another vocabulary or shape.
    """
    if not (folder / "model.json").is_file():
        raise ModelError(
            folder, "no_model", "no model.json", "Train one, or name a model's folder."
        )
    try:
        spec = ModelSpec(**read_json(folder / "model.json"))
    except (TypeError, TableError) as error:
        raise ModelError(folder / "model.json", "keys", error, "Train the model again.") from error
    if Codec.load(folder / "codec.json") != spec.codec:
        raise ModelError(folder, "codec", "another grid", "Codec and model must be saved together.")
    path = folder / "weights.npz"
    try:
        weights = {name: array.astype(np.float32) for name, array in read_arrays(path).items()}
    except (TableError, ValueError) as error:
        raise ModelError(path, "unreadable", error, "Train the model again.") from error
    return Network(spec, weights, path)

"""The original's recipe: one-hot words, LSTMs, the next word after each window, Adam.

After `main_lstM_etallica.py` of github.com/keunwoochoi/LSTMetallica (Choi, Fazekas and Sandler
2016, arXiv 1604.05358), which github.com/mattiasu96/TrapGenerator took over with three layers: the
vocabulary is the words that occur, a window slides over the text, its successor alone is learned,
dropout of 0.2 follows each LSTM, batches of Adam at one rate, no early stop on held-out data. To
write a word, the network reads the last window again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TrainParams
from trapgen.model import Array, ModelSpec, Tokens
from trapgen.model.training import Windows, import_tensorflow

_JUDGED_AT_ONCE: Final = 256


@dataclass(frozen=True)
class Epoch:
    """What an epoch led to.

    Attributes:
        epoch: Counted from 1.
        bits: Bits per step of the windows judged, by name; BAR excluded, no dropout.
        write: From `(n_loops, n_told)` windows to go on from, a number of tokens and a generator
            to the tokens that the network writes (see `write_on`), until the next epoch.
    """

    epoch: int
    bits: dict[str, float]
    write: Callable[[Tokens, int, np.random.Generator], Tokens]


def learn(
    windows: Windows,
    judged: Mapping[str, Windows],
    spec: ModelSpec,
    params: TrainParams,
    seed: int,
) -> Iterator[Epoch]:
    """Train, an epoch at a time.

    Args:
        windows: What is learned, as `trapgen.model.training.make_windows` cuts it for `paper`: the
            last token of each.
        judged: What is judged after each epoch.
        spec: The network.
        params: Batch size, learning rate, epochs.
        seed: Decides weights, order and dropout.
    """
    keras, tf = import_tensorflow()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    every = [windows, *judged.values()]
    tokens = [found for one in every for found in (one.inputs.previous, one.targets[:, -1])]
    vocabulary = np.unique(np.concatenate([found.ravel() for found in tokens]))
    model = build(spec, len(vocabulary))
    model.compile(
        optimizer=keras.optimizers.Adam(params.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    told, target, _ = _tell(windows, vocabulary)
    for epoch in range(1, params.epochs + 1):
        model.fit(told, target, batch_size=params.batch_size, epochs=1, verbose=0)
        bits = {name: _judge(model, _tell(part, vocabulary)) for name, part in judged.items()}
        yield Epoch(epoch, bits, partial(write_on, model, vocabulary))


def build(spec: ModelSpec, n_words: int) -> Any:
    """The network in Keras: from `(batch, n_tokens)` numbers of words to `(batch, n_words)`."""
    keras, _ = import_tensorflow()
    told = keras.Input((None,), dtype="int64")
    x = keras.ops.one_hot(told, n_words)
    for layer in range(spec.layers):
        goes_on = layer < spec.layers - 1
        x = keras.layers.LSTM(spec.units, return_sequences=goes_on, name=f"lstm_{layer}")(x)
        x = keras.layers.Dropout(spec.dropout)(x)
    return keras.Model(told, keras.layers.Dense(n_words, name="words")(x))


def write_on(
    model: Any, vocabulary: Tokens, starts: Tokens, n_tokens: int, rng: np.random.Generator
) -> Tokens:
    """Draw tokens at temperature 1; for every one the last window is read again as a whole.

    Args:
        model: What `build` made.
        vocabulary: `(n_words,)` the token of each of its words.
        starts: `(n_loops, n_told)` windows to go on from.
        n_tokens: How many to write.
        rng: Decides the draws.

    Returns:
        `(n_loops, n_tokens)` what was written.
    """
    window, written = np.searchsorted(vocabulary, starts), []
    for _ in range(n_tokens):
        logs = _log_softmax(model.predict_on_batch(window))
        passed = np.exp(logs).cumsum(axis=1) < rng.random((len(window), 1))
        chosen = np.minimum(passed.sum(axis=1), len(vocabulary) - 1)
        window = np.column_stack([window[:, 1:], chosen])
        written.append(vocabulary[chosen])
    return np.stack(written, axis=1)


def _tell(windows: Windows, vocabulary: Tokens) -> tuple[Tokens, Tokens, NDArray[np.bool_]]:
    """Numbers of the words told, `(n_windows, n_tokens)`, and of the next; where that is no BAR."""
    told = np.searchsorted(vocabulary, windows.inputs.previous)
    return told, np.searchsorted(vocabulary, windows.targets[:, -1]), windows.is_word[:, -1] > 0


def _judge(model: Any, told: tuple[Tokens, Tokens, NDArray[np.bool_]]) -> float:
    words, target, is_word = told
    words, target = words[is_word], target[is_word]
    logs = _log_softmax(model.predict(words, batch_size=_JUDGED_AT_ONCE, verbose=0))
    return float(-logs[np.arange(len(target)), target].mean() / np.log(2))


def _log_softmax(scores: Array) -> NDArray[np.float64]:
    exact = scores.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return result

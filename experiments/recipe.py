"""The original's recipe: one-hot words, LSTMs, the next word after each window, Adam.

After `main_lstM_etallica.py` of github.com/keunwoochoi/LSTMetallica (Choi, Fazekas and Sandler
2016, arXiv 1604.05358), which github.com/mattiasu96/TrapGenerator adopted with three layers: the
vocabulary is the words that occur, a window slides over the text, only its successor is a target,
dropout of 0.2 follows each LSTM, batches of Adam at a constant rate, no early stopping on held-out
data. To sample a word, the network reads the whole last window again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, ParameterError, add_bars
from trapgen.model import Array, Tokens
from trapgen.model.training import draw_bars, import_tensorflow

_DROPOUT: Final = 0.2
_JUDGED_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Recipe:
    """The network and its training; TrapGenerator's by default.

    Attributes:
        layers: Stacked LSTMs.
        units: Width of each.
        window: Tokens before the one to predict.
        stride: Tokens between the starts of windows.
        batch_size: Windows per step.
        learning_rate: Adam's.
        epochs: Number of epochs.
        control_share: Share of the training bars that is held out as a control that leaks.
    """

    layers: int = 3
    units: int = 512
    window: int = 256
    stride: int = 4
    batch_size: int = 128
    learning_rate: float = 0.001
    epochs: int = 60
    control_share: float = 0.1


@dataclass(frozen=True)
class Windows:
    """Windows of a text, each with the token that follows it.

    Attributes:
        told: `(n_windows, window)` tokens.
        target: `(n_windows,)` the token that follows.
        bar: `(n_windows,)` index of the target's bar among the bars of all loops.
        loop: `(n_windows,)` index of the target's loop.
    """

    told: Tokens
    target: Tokens
    bar: Tokens
    loop: Tokens

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[np.int64]) -> Windows:
        """Some of the windows."""
        return Windows(*(value[rows] for value in vars(self).values()))


def slide_window(loops: Sequence[Tokens], steps_per_bar: int, window: int, stride: int) -> Windows:
    """A window that slides over all loops in sequence, BAR after each bar.

    Args:
        loops: Words of each loop, `(n_steps,)`, in whole bars.
        steps_per_bar: The grid.
        window: Length in tokens.
        stride: Tokens between the starts of windows.

    Raises:
        ParameterError: There are no loops, or the text is no longer than the window.
    """
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    stream = np.concatenate([add_bars(words, steps_per_bar) for words in loops])
    if len(stream) <= window:
        raise ParameterError("recipe.window", f"below the {len(stream)} tokens", window)
    n_bars = [len(words) // steps_per_bar for words in loops]
    bar = np.repeat(np.arange(sum(n_bars)), steps_per_bar + 1)[window::stride]
    rows = np.lib.stride_tricks.sliding_window_view(stream, window + 1)[::stride]
    return Windows(rows[:, :-1], rows[:, -1], bar, np.repeat(np.arange(len(loops)), n_bars)[bar])


def hold_out(windows: Windows, share: float, rng: np.random.Generator) -> tuple[Windows, Windows]:
    """Split windows into those to train on and those whose target is in a held-out bar.

    Raises:
        ParameterError: Nothing would be left to train on.
    """
    bars = np.unique(windows.bar[windows.target != BAR])
    is_held = np.isin(windows.bar, draw_bars(bars, share, rng))
    return windows.take(np.flatnonzero(~is_held)), windows.take(np.flatnonzero(is_held))


@dataclass(frozen=True)
class Epoch:
    """Result of an epoch.

    Attributes:
        epoch: Counted from 1.
        bits: Bits per step of the evaluated windows, by name; without BAR and dropout.
        write: Maps `(n_loops, n_told)` windows to continue, a number of tokens and a random
            generator to the tokens that the network samples (see `write_on`); valid until the next
            epoch.
    """

    epoch: int
    bits: dict[str, float]
    write: Callable[[Tokens, int, np.random.Generator], Tokens]


def learn(
    windows: Windows, judged: Mapping[str, Windows], recipe: Recipe, seed: int
) -> Iterator[Epoch]:
    """Train, one epoch at a time.

    Args:
        windows: Training windows.
        judged: Windows evaluated after each epoch.
        recipe: The network and its training.
        seed: Random seed of weights, order and dropout.
    """
    keras, tf = import_tensorflow()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    every = [windows, *judged.values()]
    tokens = [found for one in every for found in (one.told, one.target)]
    vocabulary = np.unique(np.concatenate([found.ravel() for found in tokens]))
    model = compile_network(build(recipe.layers, recipe.units, len(vocabulary)), recipe)
    told, target = (np.searchsorted(vocabulary, x) for x in (windows.told, windows.target))
    for epoch in range(1, recipe.epochs + 1):
        model.fit(told, target, batch_size=recipe.batch_size, epochs=1, verbose=0)
        bits = {name: judge(model, vocabulary, part) for name, part in judged.items()}
        yield Epoch(epoch, bits, partial(write_on, model, vocabulary))


def build(
    layers: int, units: int, n_words: int, every_step: Callable[..., Any] | None = None
) -> Any:
    """The network in Keras: from `(batch, n_tokens)` numbers of words to `(batch, n_words)` logits.

    Args:
        layers: Stacked LSTMs.
        units: Width of each.
        n_words: Size of the vocabulary.
        every_step: Makes a layer, from units and a name, with an output after every token: then
            logits are `(batch, n_tokens, n_words)`. By default layers are Keras' LSTMs, and the
            last one has an output only after the last token.
    """
    keras, _ = import_tensorflow()
    told = keras.Input((None,), dtype="int64")
    x = keras.ops.one_hot(told, n_words)
    for layer in range(layers):
        name = f"lstm_{layer}"
        if every_step is not None:
            x = every_step(units, name=name)(x)
        else:
            x = keras.layers.LSTM(units, return_sequences=layer < layers - 1, name=name)(x)
        x = keras.layers.Dropout(_DROPOUT)(x)
    return keras.Model(told, keras.layers.Dense(n_words, name="words")(x))


def compile_network(model: Any, recipe: Recipe) -> Any:
    """Compile a model from `build` with the original's loss and optimizer."""
    keras, _ = import_tensorflow()
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def write_on(
    model: Any, vocabulary: Tokens, starts: Tokens, n_tokens: int, rng: np.random.Generator
) -> Tokens:
    """Sample tokens at temperature 1, reading the whole last window again for each.

    Args:
        model: A model from `build`.
        vocabulary: `(n_words,)` the token of each of its words.
        starts: `(n_loops, n_told)` windows to continue.
        n_tokens: Number of tokens to sample.
        rng: Random generator.

    Returns:
        `(n_loops, n_tokens)` sampled tokens.
    """
    window, written = np.searchsorted(vocabulary, starts), []
    for _ in range(n_tokens):
        logs = _log_softmax(model.predict_on_batch(window))
        passed = np.exp(logs).cumsum(axis=1) < rng.random((len(window), 1))
        chosen = np.minimum(passed.sum(axis=1), len(vocabulary) - 1)
        window = np.column_stack([window[:, 1:], chosen])
        written.append(vocabulary[chosen])
    return np.stack(written, axis=1)


def judge(model: Any, vocabulary: Tokens, windows: Windows) -> float:
    """Bits per word of the windows whose target is a word rather than BAR."""
    is_word = windows.target != BAR
    told, target = (np.searchsorted(vocabulary, x[is_word]) for x in (windows.told, windows.target))
    logs = _log_softmax(model.predict(told, batch_size=_JUDGED_AT_ONCE, verbose=0))
    return float(-logs[np.arange(len(target)), target].mean() / np.log(2))


def _log_softmax(scores: Array) -> NDArray[np.float64]:
    exact = scores.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return result

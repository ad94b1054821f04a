"""The original's recipe: one-hot words, LSTMs, the next word after each window, Adam.

After `main_lstM_etallica.py` of github.com/keunwoochoi/LSTMetallica (Choi, Fazekas and Sandler
2016, arXiv 1604.05358), which github.com/mattiasu96/TrapGenerator took over with three layers: the
vocabulary is the words that occur, a window slides over the text, its successor alone is learned,
dropout of 0.2 follows each LSTM, batches of Adam at one rate, no early stop on held-out data. To
write a word, the network reads the last window again.
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
    """The network and how it learns; by default as TrapGenerator did.

    Attributes:
        layers: LSTMs, one on the other.
        units: Of each.
        window: Tokens that are read before the one to predict.
        stride: A window every so many tokens.
        batch_size: Windows a step.
        learning_rate: Adam's.
        epochs: How many.
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
        bar: `(n_windows,)` which bar of all the loops' bars the target stands in.
        loop: `(n_windows,)` which loop the target is of.
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
    """A window that slides over all loops on end, BAR after each bar.

    Args:
        loops: Words of each loop, `(n_steps,)`, in whole bars.
        steps_per_bar: The grid.
        window: Tokens.
        stride: Tokens from one window to the next.

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
    """Part windows into what is learned and those whose target stands in a held-out bar.

    Raises:
        ParameterError: Nothing would be left to learn.
    """
    bars = np.unique(windows.bar[windows.target != BAR])
    is_held = np.isin(windows.bar, draw_bars(bars, share, rng))
    return windows.take(np.flatnonzero(~is_held)), windows.take(np.flatnonzero(is_held))


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
    windows: Windows, judged: Mapping[str, Windows], recipe: Recipe, seed: int
) -> Iterator[Epoch]:
    """Train, an epoch at a time.

    Args:
        windows: What is learned.
        judged: What is judged after each epoch.
        recipe: The network and how it learns.
        seed: Decides weights, order and dropout.
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
    """The network in Keras: from `(batch, n_tokens)` numbers of words to `(batch, n_words)` scores.

    Args:
        layers: LSTMs, one on the other.
        units: Of each.
        n_words: The vocabulary's size.
        every_step: Makes a layer, of so many units and with a name, that says something after
            every token: then there are `(batch, n_tokens, n_words)` scores. By default layers are
            Keras' LSTMs, of which the last says something after the last token alone.
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
    """Give what `build` made the original's loss and optimizer."""
    keras, _ = import_tensorflow()
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


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


def judge(model: Any, vocabulary: Tokens, windows: Windows) -> float:
    """Bits a word, of the windows that are followed by one and not by BAR."""
    is_word = windows.target != BAR
    told, target = (np.searchsorted(vocabulary, x[is_word]) for x in (windows.told, windows.target))
    logs = _log_softmax(model.predict(told, batch_size=_JUDGED_AT_ONCE, verbose=0))
    return float(-logs[np.arange(len(target)), target].mean() / np.log(2))


def _log_softmax(scores: Array) -> NDArray[np.float64]:
    exact = scores.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    return result

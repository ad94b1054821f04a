"""The original's recipe for training and sampling, written out to be timed beside ours.

TrapGenerator followed the Keras script of Choi et al. 2016 (arXiv 1604.05358): loops in one stream
of words, a one-hot window that slides over it, three LSTMs, and the one word after the window to
learn. To sample it reads the whole window again for every word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_TARGETS

WINDOW = 256
STRIDE = 4
BATCH = 128

Words = NDArray[np.int64]


def build_model(units: int, layers: int = 3) -> Any:
    """The network, compiled as it was."""
    import keras

    stack: list[Any] = [keras.layers.Input((WINDOW, N_TARGETS))]
    for layer in range(layers):
        stack.append(keras.layers.LSTM(units, return_sequences=layer < layers - 1))
        stack.append(keras.layers.Dropout(0.2))
    stack.append(keras.layers.Dense(N_TARGETS, activation="softmax"))
    model = keras.Sequential(stack)
    model.compile("adam", "categorical_crossentropy")
    return model


def cut_windows(stream: Words, starts: Words) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """One-hot windows and the word after each: `(n, WINDOW, N_TARGETS)`, `(n, N_TARGETS)`."""
    x = np.zeros((len(starts), WINDOW, N_TARGETS), bool)
    y = np.zeros((len(starts), N_TARGETS), bool)
    for row, start in enumerate(starts):
        x[row, np.arange(WINDOW), stream[start : start + WINDOW]] = True
        y[row, stream[start + WINDOW]] = True
    return x, y


def sample_words(model: Any, window: Words, n_words: int, rng: np.random.Generator) -> Words:
    """Go on from a window, a word at a time."""
    window = window.copy()
    for _ in range(n_words):
        x = np.zeros((1, WINDOW, N_TARGETS))
        x[0, np.arange(WINDOW), window[-WINDOW:]] = 1
        chances = model.predict(x, verbose=0)[0].astype(np.float64)
        window = np.append(window, rng.choice(N_TARGETS, p=chances / chances.sum()))
    return window[-n_words:]

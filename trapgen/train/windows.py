"""Training windows: loops cut at bar lines, each piece told what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapgen.codec import BAR, PAD, add_bars
from trapgen.errors import ParameterError
from trapgen.model import Array, Inputs, ModelSpec, Tokens, make_inputs
from trapgen.params import TrainParams


@dataclass(frozen=True)
class Windows:
    """Training windows, padded to one length.

    Attributes:
        inputs: `(n_windows, n_tokens)` arrays, as `trapgen.model.make_inputs` makes them.
        targets: `(n_windows, n_tokens)` int64 words and BAR; 0 behind the end.
        is_target: `(n_windows, n_tokens)` float32, 1 where there is something to learn.
        is_word: `(n_windows, n_tokens)` float32, 1 where the target is a word.
    """

    inputs: Inputs
    targets: Tokens
    is_target: Array
    is_word: Array

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, at: NDArray[np.int64]) -> Windows:
        """Some of the windows."""
        inputs = Inputs(*(value[at] for value in vars(self.inputs).values()))
        return Windows(inputs, self.targets[at], self.is_target[at], self.is_word[at])


def make_windows(loops: Sequence[Tokens], spec: ModelSpec, params: TrainParams) -> Windows:
    """Cut loops into windows of up to `window_bars` bars, each told what came before it.

    The `paper` network gets what the original got: all loops in one stream, a window that slides
    over it, and only the last step of the window to learn.

    Args:
        loops: Words of each loop, `(n_steps,)`, in whole bars.
        spec: The network.
        params: Lengths of windows; the last of a loop may be shorter.

    Raises:
        ParameterError: There are no loops, or the stream is shorter than its window.
    """
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    if spec.architecture == "paper":
        return _slide_window(loops, spec, params)
    length = spec.codec.bar_length
    n_tokens = params.window_bars * length
    pieces: list[tuple[Inputs, Tokens]] = []
    for words in loops:
        tokens = add_bars(words, spec.steps_per_bar)[None]
        whole = make_inputs(tokens, spec)
        for start in range(0, tokens.shape[1], n_tokens):
            at = slice(start, start + n_tokens)
            pieces.append((Inputs(*(x[0, at] for x in vars(whole).values())), tokens[0, at]))
    fields = [vars(inputs) for inputs, _ in pieces]
    longest = max(len(tokens) for _, tokens in pieces)
    inputs = Inputs(
        previous=_pad([field["previous"] for field in fields], longest, PAD),
        position=_pad([field["position"] for field in fields], longest, 0),
        bar=_pad([field["bar"] for field in fields], longest, 0),
        lookback=_pad([field["lookback"] for field in fields], longest, PAD),
    )
    targets = _pad([tokens for _, tokens in pieces], longest, PAD)
    return _weigh(inputs, targets, targets != PAD)


def _slide_window(loops: Sequence[Tokens], spec: ModelSpec, params: TrainParams) -> Windows:
    stream = np.concatenate([add_bars(words, spec.steps_per_bar) for words in loops])
    width = params.paper_window
    if len(stream) <= width:
        raise ParameterError("train.paper_window", f"below the {len(stream)} tokens", width)
    rows = np.lib.stride_tricks.sliding_window_view(stream, width + 1)[:: params.paper_stride]
    unused = np.broadcast_to(np.int64(0), (len(rows), width))
    inputs = Inputs(rows[:, :-1], unused, unused, np.zeros((*unused.shape, 0), np.int64))
    is_last = np.broadcast_to(np.arange(width) == width - 1, unused.shape)
    return _weigh(inputs, rows[:, 1:], is_last)


def _weigh(inputs: Inputs, targets: Tokens, is_target: NDArray[np.bool_]) -> Windows:
    return Windows(
        inputs,
        np.where(targets == PAD, 0, targets),
        is_target.astype(np.float32),
        (is_target & (targets != BAR)).astype(np.float32),
    )


def _pad(rows: Sequence[Tokens], length: int, value: int) -> Tokens:
    padded = np.full((len(rows), length, *rows[0].shape[1:]), value, np.int64)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    return padded

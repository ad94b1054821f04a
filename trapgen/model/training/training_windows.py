"""Training windows: loops cut at bar lines; inputs include what precedes each window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, PAD, ParameterError, TrainParams, add_bars
from trapgen.model.batches import draw_by_length, draw_known, pad_rows
from trapgen.model.words.inputs import Inputs, make_inputs
from trapgen.model.words.spec import Array, ModelSpec, Tokens


@dataclass(frozen=True)
class TrainingWindows:
    """Training windows, padded to one length.

    Attributes:
        inputs: `(n_windows, n_tokens)` arrays, as `trapgen.model.words.make_inputs` makes them.
        targets: `(n_windows, n_tokens)` int64 words and BAR; 0 after the end.
        is_target: `(n_windows, n_tokens)` float32, 1 where the loss counts.
        is_word: `(n_windows, n_tokens)` float32, 1 where the target is a word.
        bar: `(n_windows, n_tokens)` int64, index of the target's bar among the bars of all loops.
        loop: `(n_windows,)` int64, index of each window's loop.
    """

    inputs: Inputs
    targets: Tokens
    is_target: Array
    is_word: Array
    bar: Tokens
    loop: Tokens

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n_windows,)` number of tokens up to the last target."""
        backwards = self.is_target[:, ::-1] > 0
        found: NDArray[np.int64] = self.targets.shape[1] - backwards.argmax(axis=1)
        return found

    def take(self, at: NDArray[np.int64]) -> TrainingWindows:
        """Some of the windows."""
        inputs = Inputs(*(value[at] for value in vars(self.inputs).values()))
        rest = (value[at] for name, value in vars(self).items() if name != "inputs")
        return TrainingWindows(inputs, *rest)

    def trim(self) -> TrainingWindows:
        """Drop tokens after the last target, which affect nothing before it."""
        n_tokens = int(self.lengths.max())
        inputs = Inputs(*(value[:, :n_tokens] for value in vars(self.inputs).values()))
        return TrainingWindows(
            inputs,
            self.targets[:, :n_tokens],
            self.is_target[:, :n_tokens],
            self.is_word[:, :n_tokens],
            self.bar[:, :n_tokens],
            self.loop,
        )

    def only(self, where: NDArray[np.bool_]) -> TrainingWindows:
        """Keep only the targets at `where`, `(n_windows, n_tokens)`, and windows that have any."""
        is_target = self.is_target * where
        part = replace(self, is_target=is_target, is_word=self.is_word * where)
        return part.take(np.flatnonzero(is_target.any(axis=1)))


def make_windows(
    loops: Sequence[Tokens], spec: ModelSpec, params: TrainParams, conditions: Tokens | None = None
) -> TrainingWindows:
    """Cut loops into windows of up to `window_bars` bars, with earlier bars as inputs.

    Args:
        loops: Words of each loop, `(n_steps,)`, in whole bars.
        spec: The network.
        params: Lengths of windows; the last window of a loop may be shorter.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no loops.
    """
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    length = spec.codec.bar_length
    n_tokens = params.window_bars * length
    pieces: list[tuple[Inputs, Tokens, Tokens]] = []
    inputs_of = _make_inputs(loops, spec, conditions)
    for words, whole, bars in zip(loops, inputs_of, _number_bars(loops, spec), strict=True):
        tokens = add_bars(words, spec.steps_per_bar)
        for start in range(0, len(tokens), n_tokens):
            at = slice(start, start + n_tokens)
            inputs = Inputs(*(x[at] for x in vars(whole).values()))
            pieces.append((inputs, tokens[at], bars[at]))
    fields = [vars(inputs) for inputs, _, _ in pieces]
    longest = max(len(tokens) for _, tokens, _ in pieces)
    inputs = Inputs(
        previous=pad_rows([field["previous"] for field in fields], longest, PAD),
        position=pad_rows([field["position"] for field in fields], longest, 0),
        bar=pad_rows([field["bar"] for field in fields], longest, 0),
        lookback=pad_rows([field["lookback"] for field in fields], longest, PAD),
        lag_similarity=pad_rows([field["lag_similarity"] for field in fields], longest, 0),
        condition=pad_rows([field["condition"] for field in fields], longest, 0),
    )
    targets = pad_rows([tokens for _, tokens, _ in pieces], longest, PAD)
    bar = pad_rows([bars for _, _, bars in pieces], longest, 0)
    is_target = targets != PAD
    return TrainingWindows(
        inputs,
        np.where(is_target, targets, 0),
        is_target.astype(np.float32),
        (is_target & (targets != BAR)).astype(np.float32),
        bar,
        _loop_of_bar(loops, spec)[bar[:, 0]],
    )


def _make_inputs(
    loops: Sequence[Tokens], spec: ModelSpec, conditions: Tokens | None
) -> list[Inputs]:
    """Each loop's inputs, `(n_tokens,)` and so on; loops of one length are batched."""
    inputs_of: dict[int, Inputs] = {}
    lengths = np.array([len(words) for words in loops])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length).tolist()
        tokens = np.stack([add_bars(loops[at], spec.steps_per_bar) for at in same])
        known = None if conditions is None else conditions[same]
        values = vars(make_inputs(tokens, spec, known)).values()
        inputs_of |= {at: Inputs(*(x[row] for x in values)) for row, at in enumerate(same)}
    return [inputs_of[at] for at in range(len(loops))]


def hold_out(
    windows: TrainingWindows, share: float, rng: np.random.Generator
) -> tuple[TrainingWindows, TrainingWindows]:
    """Split training windows into those to train on and a control that leaks on purpose.

    Bars are drawn at random from all bars of all loops, and their words are never training
    targets. This is the original's protocol, excerpts drawn at random from the training loops, and
    it leaks in three ways. The bars around a control bar are trained on, and often repeat it
    within the loop. So are other loops recombined from the same parents, which may contain the
    same bar. And since the original's windows overlapped, the bars after a held-out bar are
    trained on with that bar as input, through the previous token and lookback, though it is never
    a target.

    Args:
        windows: Windows of the training loops, as `make_windows` cuts them.
        share: Share of the bars with a word to train on, from 0 to 1; at least one bar is drawn.
        rng: Random generator of the draw.

    Returns:
        The windows to train on, and the control: the same windows with the same inputs, and only
        the held-out bars as targets.

    Raises:
        ParameterError: Nothing would be left to train on.

    Raises:
        ParameterError: Nothing would be left to learn.
    """
    bars = np.unique(windows.bar[windows.is_word > 0])
    is_held = np.isin(windows.bar, draw_bars(bars, share, rng))
    return windows.only(~is_held), windows.only(is_held)


def draw_bars(bars: Tokens, share: float, rng: np.random.Generator) -> Tokens:
    """Draw a share of bars, at least one, to be held out.

    Raises:
        ParameterError: No bar would be left.
    """
    n_held = max(1, round(share * len(bars)))
    if n_held >= len(bars):
        raise ParameterError("train.control_share", f"below all of {len(bars)} bars", share)
    drawn: Tokens = rng.choice(bars, n_held, replace=False)
    return drawn


def draw_batches(
    windows: TrainingWindows, size: int, rng: np.random.Generator
) -> Iterator[TrainingWindows]:
    """Training batches in random order; the windows of a batch have similar lengths.

    Some conditions of some windows are replaced by unknown.
    """
    for rows in draw_by_length(windows.lengths, size, rng):
        batch = windows.take(rows).trim()
        condition = batch.inputs.condition
        is_known = draw_known(rng, len(condition), 1, condition.shape[2])
        yield replace(batch, inputs=replace(batch.inputs, condition=condition * is_known))


def _loop_of_bar(loops: Sequence[Tokens], spec: ModelSpec) -> Tokens:
    """`(n_bars,)` loop index of each bar of all loops."""
    return np.repeat(np.arange(len(loops)), [len(words) // spec.steps_per_bar for words in loops])


def _number_bars(loops: Sequence[Tokens], spec: ModelSpec) -> list[Tokens]:
    """For each token of each loop, the index of its bar among the bars of all loops."""
    of_loop = _loop_of_bar(loops, spec)
    numbers = np.repeat(np.arange(len(of_loop)), spec.codec.bar_length)
    ends = np.cumsum(np.bincount(of_loop, minlength=len(loops))) * spec.codec.bar_length
    return np.split(numbers, ends[:-1])

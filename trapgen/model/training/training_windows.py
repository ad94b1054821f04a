"""Training windows: loops cut at bar lines, each piece told what came before it."""

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
        targets: `(n_windows, n_tokens)` int64 words and BAR; 0 behind the end.
        is_target: `(n_windows, n_tokens)` float32, 1 where there is something to learn.
        is_word: `(n_windows, n_tokens)` float32, 1 where the target is a word.
        bar: `(n_windows, n_tokens)` int64, which bar of all the loops' bars a target stands in.
        loop: `(n_windows,)` int64, which loop a window's targets are of.
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
        """`(n_windows,)` tokens up to the last target."""
        backwards = self.is_target[:, ::-1] > 0
        found: NDArray[np.int64] = self.targets.shape[1] - backwards.argmax(axis=1)
        return found

    def take(self, at: NDArray[np.int64]) -> TrainingWindows:
        """Some of the windows."""
        inputs = Inputs(*(value[at] for value in vars(self.inputs).values()))
        rest = (value[at] for name, value in vars(self).items() if name != "inputs")
        return TrainingWindows(inputs, *rest)

    def trim(self) -> TrainingWindows:
        """Without what lies behind the last target: it has no say in what comes before."""
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
        """Only the targets at `where`, `(n_windows, n_tokens)`, and the windows that have any."""
        is_target = self.is_target * where
        part = replace(self, is_target=is_target, is_word=self.is_word * where)
        return part.take(np.flatnonzero(is_target.any(axis=1)))


def make_windows(
    loops: Sequence[Tokens], spec: ModelSpec, params: TrainParams, conditions: Tokens | None = None
) -> TrainingWindows:
    """Cut loops into windows of up to `window_bars` bars, each told what came before it.

    Args:
        loops: Words of each loop, `(n_steps,)`, in whole bars.
        spec: The network.
        params: Lengths of windows; the last of a loop may be shorter.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no loops.
    """
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    length = spec.codec.bar_length
    n_tokens = params.window_bars * length
    pieces: list[tuple[Inputs, Tokens, Tokens]] = []
    told = _make_inputs(loops, spec, conditions)
    for words, whole, bars in zip(loops, told, _number_bars(loops, spec), strict=True):
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
    """Each loop's inputs, `(n_tokens,)` and so on; those of one length are made together."""
    told: dict[int, Inputs] = {}
    lengths = np.array([len(words) for words in loops])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length).tolist()
        tokens = np.stack([add_bars(loops[at], spec.steps_per_bar) for at in same])
        known = None if conditions is None else conditions[same]
        values = vars(make_inputs(tokens, spec, known)).values()
        told |= {at: Inputs(*(x[row] for x in values)) for row, at in enumerate(same)}
    return [told[at] for at in range(len(loops))]


def hold_out(
    windows: TrainingWindows, share: float, rng: np.random.Generator
) -> tuple[TrainingWindows, TrainingWindows]:
    """Part training windows into what is learned and a control that leaks on purpose.

    Bars are drawn at random from all bars of all loops, and no word of theirs is ever a target of
    learning. That is the original's protocol, pieces taken at random out of the loops trained on,
    and it leaks in three ways. The bars around a bar of the control are learned, and in a loop they
    often repeat it. So are other loops recombined from the same parents, which may hold the very
    same bar. And as the original's windows overlapped, the bars that follow are learned with the
    held-out one before them: it is told to the network, as the token before and as lookback,
    though never asked for.

    Args:
        windows: Of the training loops, as `make_windows` cuts them.
        share: Of the bars with a word to learn, from 0 to 1; at least one bar is drawn.
        rng: Decides which.

    Returns:
        The windows to learn, and those of the control: the same windows, told the same, with
        nothing but the held-out bars to predict.

    Raises:
        ParameterError: Nothing would be left to learn.
    """
    bars = np.unique(windows.bar[windows.is_word > 0])
    is_held = np.isin(windows.bar, draw_bars(bars, share, rng))
    return windows.only(~is_held), windows.only(is_held)


def draw_bars(bars: Tokens, share: float, rng: np.random.Generator) -> Tokens:
    """Draw a share of bars, at least one, to be held out.

    Raises:
        ParameterError: None would be left.
    """
    n_held = max(1, round(share * len(bars)))
    if n_held >= len(bars):
        raise ParameterError("train.control_share", f"below all of {len(bars)} bars", share)
    drawn: Tokens = rng.choice(bars, n_held, replace=False)
    return drawn


def draw_batches(
    windows: TrainingWindows, size: int, rng: np.random.Generator
) -> Iterator[TrainingWindows]:
    """Batches in random order, each of windows about as long as one another, for learning.

    Some conditions of some windows are made unknown.
    """
    for rows in draw_by_length(windows.lengths, size, rng):
        batch = windows.take(rows).trim()
        condition = batch.inputs.condition
        told = draw_known(rng, len(condition), 1, condition.shape[2])
        yield replace(batch, inputs=replace(batch.inputs, condition=condition * told))


def _loop_of_bar(loops: Sequence[Tokens], spec: ModelSpec) -> Tokens:
    """`(n_bars,)` the loop of each bar of all loops."""
    return np.repeat(np.arange(len(loops)), [len(words) // spec.steps_per_bar for words in loops])


def _number_bars(loops: Sequence[Tokens], spec: ModelSpec) -> list[Tokens]:
    """The number of its bar, among all bars of all loops, for each token of each loop."""
    of_loop = _loop_of_bar(loops, spec)
    numbers = np.repeat(np.arange(len(of_loop)), spec.codec.bar_length)
    ends = np.cumsum(np.bincount(of_loop, minlength=len(loops))) * spec.codec.bar_length
    return np.split(numbers, ends[:-1])

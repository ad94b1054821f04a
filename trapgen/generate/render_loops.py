"""Decoded loops, and their conversion to `DrumLoop`s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_WORDS, PAD, DrumLoop, SampleParams, to_onsets
from trapgen.generate.prompt import Prompt
from trapgen.generate.timing import draw_offsets
from trapgen.model import Humanizer, Tokens

_STYLE_CHARACTERS: Final = 60
_VELOCITY: Final = N_WORDS
CONTROLS: Final = N_WORDS + 1
_FEEL: Final = N_WORDS + 2
"""Random streams of a loop besides its words'. That one is keyed by the attempt, which is
smaller."""


@dataclass(frozen=True, slots=True)
class LoopSeed:
    """Number of a loop and of an attempt at it, both from 0; together they seed its random draws.

    A loop is drawn again if an attempt is too near to the training data.
    """

    number: int
    attempt: int = 0

    def rng(self, seed: int, stream: int | None = None) -> np.random.Generator:
        """Random generator of the loop's words, or of another stream."""
        # numpy pads a seed with zeros, so the first attempt adds no number of its own.
        streams = [self.attempt] if stream is None else [stream, self.attempt]
        return np.random.default_rng([seed, self.number, *streams])


@dataclass(frozen=True)
class DecodedLoop:
    """The network's raw output for one loop.

    Attributes:
        words: `(n_bars * steps_per_bar,)` words, every bar cut or padded to its full length.
        bar_lengths: Steps of each bar before the network wrote BAR, or before the loop was cut
            off.
    """

    words: NDArray[np.int64]
    bar_lengths: tuple[int, ...]


def decode_tokens(tokens: Tokens, n_bars: int, steps_per_bar: int) -> DecodedLoop:
    """Decode `(n_tokens,)` words and BARs, skipping PAD; bars are cut or padded."""
    bars: list[list[int]] = [[]]
    for token in tokens[tokens != PAD].tolist():
        if token == BAR:
            bars.append([])
        else:
            bars[-1].append(token)
    bars = (bars + [[]] * n_bars)[:n_bars]
    words = np.zeros((n_bars, steps_per_bar), np.int64)
    for row, bar in zip(words, bars, strict=True):
        row[: len(bar)] = bar[:steps_per_bar]
    return DecodedLoop(words.ravel(), tuple(map(len, bars)))


def to_loops(
    decoded_loops: Sequence[DecodedLoop],
    humanizer: Humanizer,
    params: SampleParams,
    seed: int,
    loop_seeds: Sequence[LoopSeed] | None = None,
    condition: Tokens | None = None,
    prompt: Prompt | None = None,
) -> list[DrumLoop]:
    """Convert decoded loops to loops with velocities and microtiming.

    Args:
        decoded_loops: Raw outputs of the network.
        humanizer: Predicts velocities and microtiming.
        params: Tempo, swing and humanize.
        seed: Random seed of the run.
        loop_seeds: Seed of each decoded loop; by default those of the first loops.
        condition: `(4,)` numbers of the humanizer's conditions for these loops; by default
            unknown.
        prompt: Locked voices, and kept hits of a varied loop, keep its playback.
    """
    loop_seeds = first_seeds(len(decoded_loops)) if loop_seeds is None else loop_seeds
    steps_per_bar, has_offsets = humanizer.spec.steps_per_bar, humanizer.spec.offsets
    onsets = [to_onsets(decoded.words) for decoded in decoded_loops]
    rngs = [loop_seed.rng(seed, _VELOCITY) for loop_seed in loop_seeds]
    playbacks = humanizer.draw(onsets, params.tempo, rngs, condition)
    loops = []
    for playback, loop_seed in zip(playbacks, loop_seeds, strict=True):
        learned = playback.offsets if has_offsets else None
        rng = loop_seed.rng(seed, _FEEL)
        offsets = draw_offsets(playback.velocities > 0, steps_per_bar, params, rng, learned)
        if prompt is not None:
            is_timed = bool(params.swing or params.humanize)
            prompt.play(playback.velocities, offsets, is_timed=is_timed)
        loops.append(DrumLoop(playback.velocities, steps_per_bar, params.tempo, offsets))
    return loops


def name_sample(style: str, bpm: float, seed: int, number: int) -> str:
    """Base name of a loop's files.

    Numbers have five digits, so that the names of a run sort.

    Args:
        style: Full name of the style; `loop` stands for none.
        bpm: Quarter notes per minute.
        seed: Random seed of the run.
        number: Number of the loop, from 0.

    Example:
        >>> name_sample("trap/drill", 140.0, 3, 0)
        'trap-drill-140bpm-3-00001'
    """
    words = re.sub(r"[\W_]+", "-", style).strip("-")[:_STYLE_CHARACTERS]
    tempo = repr(float(bpm)).removesuffix(".0")
    return f"{words or 'loop'}-{tempo}bpm-{seed}-{number + 1:05d}"


def first_seeds(n_loops: int) -> list[LoopSeed]:
    """The first attempt at each of the first loops."""
    return [LoopSeed(number) for number in range(n_loops)]

"""What the network wrote for a loop, and the loop that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_WORDS, PAD, DrumLoop, Lineage, SampleParams, to_onsets
from trapgen.generate.prompt import Prompt
from trapgen.generate.timing import draw_offsets
from trapgen.model import Humanizer, Tokens

_VELOCITY: Final = N_WORDS
CONTROLS: Final = N_WORDS + 1
_FEEL: Final = N_WORDS + 2
"""Streams of a loop's chances; those of its words have the attempt alone, which is smaller."""


@dataclass(frozen=True, slots=True)
class LoopSeed:
    """Which loop of a seed, from 0, and which attempt at it, from 0: they decide all its chances.

    A loop is drawn again where an attempt came too near to the training data.
    """

    number: int
    attempt: int = 0

    def rng(self, seed: int, stream: int | None = None) -> np.random.Generator:
        """The generator of the loop's words, or of another stream."""
        # numpy fills a seed up with zeros: the first attempt needs no number of its own.
        streams = [self.attempt] if stream is None else [stream, self.attempt]
        return np.random.default_rng([seed, self.number, *streams])


@dataclass(frozen=True)
class DecodedLoop:
    """What the model wrote for one loop.

    Attributes:
        words: `(n_bars * steps_per_bar,)` words, every bar brought to its full length.
        bar_lengths: Steps that the model itself gave each bar before it wrote BAR, or before it
            was cut off.
    """

    words: NDArray[np.int64]
    bar_lengths: tuple[int, ...]


def decode_tokens(tokens: Tokens, n_bars: int, steps_per_bar: int) -> DecodedLoop:
    """A draft of `(n_tokens,)` words and BARs, PAD passed over; bars are cut or filled."""
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
    """Loops with velocities and microtiming, named by seed and number: `loop-0-01`.

    Args:
        decoded_loops: What the model wrote.
        humanizer: It plays their hits.
        params: Tempo, swing and humanize.
        seed: Of the draw.
        loop_seeds: Which loop each draft is; the first ones by default.
        condition: `(4,)` numbers of the humanizer's conditions that hold for the loops; by default
            unknown.
        prompt: Locked voices, and what is left of a loop that is varied, are played as in it.
    """
    loop_seeds = first_seeds(len(decoded_loops)) if loop_seeds is None else loop_seeds
    steps_per_bar, has_offsets = humanizer.spec.steps_per_bar, humanizer.spec.offsets
    onsets = [to_onsets(decoded.words) for decoded in decoded_loops]
    rngs = [loop_seed.rng(seed, _VELOCITY) for loop_seed in loop_seeds]
    playbacks = humanizer.draw(onsets, params.bpm, rngs, condition)
    loops = []
    for playback, loop_seed in zip(playbacks, loop_seeds, strict=True):
        learned = playback.offsets if has_offsets else None
        rng = loop_seed.rng(seed, _FEEL)
        offsets = draw_offsets(playback.velocities > 0, steps_per_bar, params, rng, learned)
        if prompt is not None:
            is_timed = bool(params.swing or params.humanize)
            prompt.play(playback.velocities, offsets, is_timed=is_timed)
        loop = DrumLoop(playback.velocities, steps_per_bar, params.bpm, offsets)
        loops.append(replace(loop, lineage=Lineage(loop_id=name_sample(seed, loop_seed.number))))
    return loops


def name_sample(seed: int, number: int) -> str:
    """The name of a seed's loop, which its files bear: `loop-0-01`."""
    return f"loop-{seed}-{number + 1:02d}"


def first_seeds(n_loops: int) -> list[LoopSeed]:
    """The first attempt at each of the first loops."""
    return [LoopSeed(number) for number in range(n_loops)]

"""What the network wrote for a loop, and the loop that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_WORDS, PAD, DrumLoop, Lineage, SampleParams, to_onsets
from trapgen.generate.prompt import Given
from trapgen.generate.timing import draw_offsets
from trapgen.model import Humanizer, Tokens

_VELOCITY: Final = N_WORDS
CONTROLS: Final = N_WORDS + 1
_FEEL: Final = N_WORDS + 2
"""Streams of a loop's chances; those of its words have the attempt alone, which is smaller."""


@dataclass(frozen=True, slots=True)
class Ticket:
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
class Draft:
    """What the model wrote for one loop.

    Attributes:
        words: `(n_bars * steps_per_bar,)` words, every bar brought to its full length.
        bar_lengths: Steps that the model itself gave each bar before it wrote BAR, or before it
            was cut off.
    """

    words: NDArray[np.int64]
    bar_lengths: tuple[int, ...]


def to_draft(tokens: Tokens, n_bars: int, steps_per_bar: int) -> Draft:
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
    return Draft(words.ravel(), tuple(map(len, bars)))


def to_loops(
    drafts: Sequence[Draft],
    humanizer: Humanizer,
    params: SampleParams,
    seed: int,
    tickets: Sequence[Ticket] | None = None,
    condition: Tokens | None = None,
    given: Given | None = None,
) -> list[DrumLoop]:
    """Loops with velocities and microtiming, named by seed and number: `loop-0-01`.

    Args:
        drafts: What the model wrote.
        humanizer: It plays their hits.
        params: Tempo, swing and humanize.
        seed: Of the draw.
        tickets: Which loop each draft is; the first ones by default.
        condition: `(4,)` numbers of the humanizer's conditions that hold for the loops; by default
            unknown.
        given: Locked voices, and what is left of a loop that is varied, are played as in it.
    """
    tickets = number_tickets(len(drafts)) if tickets is None else tickets
    steps_per_bar, has_offsets = humanizer.spec.steps_per_bar, humanizer.spec.offsets
    onsets = [to_onsets(draft.words) for draft in drafts]
    rngs = [ticket.rng(seed, _VELOCITY) for ticket in tickets]
    feels = humanizer.draw(onsets, params.bpm, rngs, condition)
    loops = []
    for feel, ticket in zip(feels, tickets, strict=True):
        learned = feel.offsets if has_offsets else None
        rng = ticket.rng(seed, _FEEL)
        offsets = draw_offsets(feel.velocities > 0, steps_per_bar, params, rng, learned)
        if given is not None:
            is_timed = bool(params.swing or params.humanize)
            given.play(feel.velocities, offsets, is_timed=is_timed)
        loop = DrumLoop(feel.velocities, steps_per_bar, params.bpm, offsets)
        loops.append(replace(loop, lineage=Lineage(loop_id=name_sample(seed, ticket.number))))
    return loops


def name_sample(seed: int, number: int) -> str:
    """The name of a seed's loop, which its files bear: `loop-0-01`."""
    return f"loop-{seed}-{number + 1:02d}"


def number_tickets(n_loops: int) -> list[Ticket]:
    """The first attempt at each of the first loops."""
    return [Ticket(number) for number in range(n_loops)]

"""Alignment of one loop with another before their hits are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trapgen.core import BEATS_A_BAR, N_VOICES, VOICES, DrumLoop, ParameterError, repeat_to, rotate


@dataclass(frozen=True, slots=True)
class Transform:
    """Maps the right loop of a pair onto the left one.

    Attributes:
        rotation_beats: Beats by which the right loop starts late.
        stretch: Factor by which the right loop is slowed: 0.5, 1 or 2.
        left_beat: First beat of a window in the left loop, from 0.
        right_beat: First beat of a window in the right loop.
        n_bars: Length of the window, which wraps around a loop's end; 0 for whole loops, the
            shorter repeated to the longer.
        voices: Voices of the right loop that count as another: pairs of a voice and its
            replacement, -1 for none. Voices with the same replacement are merged.
        left_voices: The same for the left loop.
    """

    rotation_beats: int = 0
    stretch: float = 1.0
    left_beat: int = 0
    right_beat: int = 0
    n_bars: int = 0
    voices: tuple[tuple[int, int], ...] = ()
    left_voices: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        """As text, for `overlap.parquet`; empty for no transform."""
        words = []
        if self.n_bars:
            bars = f"{_count(self.n_bars, 'bar')} from " if self.n_bars > 1 else ""
            is_or_are = "are those from" if self.n_bars > 1 else "is"
            words.append(f"{bars}{_place(self.left_beat)} {is_or_are} {_place(self.right_beat)}")
        elif self.rotation_beats:
            words.append(f"rotated by {_count(self.rotation_beats, 'beat')}")
        if self.stretch != 1:
            words.append("in half time" if self.stretch > 1 else "in double time")
        words += [_rename(pair) for pair in self.voices]
        words += [f"{_rename(pair)} in train" for pair in self.left_voices]
        return ", ".join(words)


def lay_over(left: DrumLoop, right: DrumLoop, transform: Transform) -> tuple[DrumLoop, DrumLoop]:
    """Both loops as they are compared: of one length, the right one aligned with the left.

    Raises:
        ParameterError: The loops have different grids.
    """
    if left.steps_per_bar != right.steps_per_bar:
        grids = (left.steps_per_bar, right.steps_per_bar)
        raise ParameterError("steps_per_bar", "the same for both loops", grids)
    left = rename_voices(left, transform.left_voices)
    right = rename_voices(right, transform.voices)
    beat = left.steps_per_bar // BEATS_A_BAR
    if transform.n_bars:
        return (
            repeat_to(rotate(left, transform.left_beat * beat), transform.n_bars),
            repeat_to(rotate(right, transform.right_beat * beat), transform.n_bars),
        )
    if transform.stretch > 1:
        right = halve_time(right)
    elif transform.stretch < 1:
        left = halve_time(left)
    n_bars = max(left.n_bars, right.n_bars)
    turned = rotate(repeat_to(right, n_bars), transform.rotation_beats * beat)
    return repeat_to(left, n_bars), turned


def halve_time(loop: DrumLoop) -> DrumLoop:
    """The loop in half time: each step becomes two, and it is twice as long."""
    velocities = np.zeros((2 * loop.n_steps, loop.velocities.shape[1]), np.uint8)
    velocities[::2] = loop.velocities
    return DrumLoop(velocities, loop.steps_per_bar, loop.bpm, lineage=loop.lineage)


def rename_voices(loop: DrumLoop, voices: Iterable[tuple[int, int]]) -> DrumLoop:
    """The loop with some voices moved; of two hits that coincide the louder is kept.

    Args:
        loop: The loop.
        voices: Pairs of a voice and its replacement, -1 for none.
    """
    becomes = dict(voices)
    if not becomes:
        return loop
    velocities, offsets = np.zeros_like(loop.velocities), np.zeros_like(loop.offsets)
    for voice in range(N_VOICES):
        to = becomes.get(voice, voice)
        if to >= 0:
            louder = loop.velocities[:, voice] > velocities[:, to]
            velocities[louder, to] = loop.velocities[louder, voice]
            offsets[louder, to] = loop.offsets[louder, voice]
    return DrumLoop(velocities, loop.steps_per_bar, loop.bpm, offsets, loop.lineage)


def _rename(pair: tuple[int, int]) -> str:
    voice, to = pair
    name = VOICES[voice].label.lower()
    return f"{name} as {VOICES[to].label.lower()}" if to >= 0 else f"without {name}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _place(beat: int) -> str:
    bar, rest = divmod(beat, BEATS_A_BAR)
    return f"bar {bar + 1}, beat {rest + 1}" if rest else f"bar {bar + 1}"

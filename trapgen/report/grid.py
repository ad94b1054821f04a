"""The geometry of two loops laid over each other on the nine voices of the kit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trapgen.core import BEATS_A_BAR, N_VOICES, VOICES, DrumLoop
from trapgen.report.page import say

BARS_PER_ROW: Final = 2

_MAX_STATIC_BARS: Final = 4
_MAX_NAMED: Final = 4
_MAX_MARKED: Final = 12
"""Differing hits beyond this many are no exceptions, and their steps are not marked."""

# Upper half, lower half, whole voice: the three differ without their colors, too.
SPANS: Final = {"ink": (1, 8), "blue": (1, 4), "vermilion": (5, 4)}
"""Top and height of a hit among the ten pixels of its voice, by its color."""


@dataclass(frozen=True, slots=True)
class Row:
    """Some bars of two aligned loops; a hit's path stands at its step and its voice.

    Attributes:
        bars: The bars, counted from 0.
        steps_per_bar: Length of a bar.
        paths: `M{step} {voice}h.85` of hits in both loops (`ink`), in the training loop (`blue`)
            and in the held-out loop (`vermilion`).
        marks: `M{step} 0h1` of steps at which the loops differ.
        counts: Number of hits by color; words in their place where a script fills them in.
        veiled: Voices that are not looked at.
    """

    bars: range
    steps_per_bar: int
    paths: Mapping[str, str]
    marks: str
    counts: Mapping[str, int | str]
    veiled: Sequence[int] = ()

    @property
    def width(self) -> int:
        """Number of steps."""
        return len(self.bars) * self.steps_per_bar

    @property
    def beats(self) -> range:
        """The steps at which beats begin, and the end."""
        return range(0, self.width + 1, self.steps_per_bar // BEATS_A_BAR)

    @property
    def bar_lines(self) -> range:
        """The steps at which bars begin, and the end."""
        return self.beats[::BEATS_A_BAR]


def describe_differences(train: DrumLoop, other: DrumLoop) -> str:
    """How many hits of two aligned loops differ; a few of them by voice and place."""
    steps, voices = np.nonzero(train.onsets != other.onsets)
    beat = train.steps_per_bar // BEATS_A_BAR
    named = [
        {
            "voice": VOICES[voice].label.lower(),
            "bar": step // train.steps_per_bar + 1,
            "beat": f"{1 + step % train.steps_per_bar / beat:.4g}",
            "in_train": train.onsets[step, voice],
        }
        for step, voice in zip(steps.tolist(), voices.tolist(), strict=True)
    ]
    return say(
        "grid.html.j2",
        "differences",
        n_different=len(steps),
        n_hits=int(np.count_nonzero(train.onsets | other.onsets)),
        named=named if len(named) <= _MAX_NAMED else [],
    )


def choose_bars(train: DrumLoop, other: DrumLoop, max_bars: int = _MAX_STATIC_BARS) -> range:
    """The bars of two aligned loops to show: of long loops, from the first that differs."""
    differs = np.flatnonzero((train.onsets != other.onsets).any(axis=1))
    first = int(differs[0]) // train.steps_per_bar if len(differs) else 0
    first = max(0, min(first, train.n_bars - max_bars))
    return range(first, min(first + max_bars, train.n_bars))


def find_marks(train: DrumLoop, other: DrumLoop) -> list[int]:
    """The steps at which two aligned loops differ, if those are few."""
    different = train.onsets != other.onsets
    if np.count_nonzero(different) > _MAX_MARKED:
        return []
    steps: list[int] = np.flatnonzero(different.any(axis=1)).tolist()
    return steps


def fill_rows(train: DrumLoop, other: DrumLoop, voices: Collection[int] = ()) -> list[Row]:
    """Two aligned loops as rows of bars: at most four bars, of longer loops those that differ.

    Where `voices` names some, the others are veiled.
    """
    shown = choose_bars(train, other)
    return [
        _fill_row(train, other, shown[first : first + BARS_PER_ROW], voices)
        for first in range(0, len(shown), BARS_PER_ROW)
    ]


def empty_row(steps_per_bar: int, n_bars: int) -> Row:
    """A row for the page's script to put hits into, as `fill_rows` does, and to take veils from."""
    counts = {color: f"{{{color}}}" for color in SPANS}
    paths = dict.fromkeys(SPANS, "M0 0")
    return Row(range(n_bars), steps_per_bar, paths, "M0 0", counts, range(N_VOICES))


def _fill_row(train: DrumLoop, other: DrumLoop, bars: range, looked_at: Collection[int]) -> Row:
    start, stop = (bar * train.steps_per_bar for bar in (bars.start, bars.stop))
    ours, theirs = train.onsets[start:stop], other.onsets[start:stop]
    hits = {"ink": ours & theirs, "blue": ours & ~theirs, "vermilion": theirs & ~ours}
    return Row(
        bars,
        train.steps_per_bar,
        {
            color: "".join(f"M{step} {voice}h.85" for step, voice in np.argwhere(found).tolist())
            for color, found in hits.items()
        },
        "".join(f"M{s - start} 0h1" for s in find_marks(train, other) if start <= s < stop),
        {color: int(np.count_nonzero(found)) for color, found in hits.items()},
        [voice for voice in range(N_VOICES) if looked_at and voice not in looked_at],
    )

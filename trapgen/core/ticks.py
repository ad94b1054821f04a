"""When the notes of a loop begin and end, in MIDI ticks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core.kit import VOICES
from trapgen.core.loop import BEATS_A_BAR, DrumLoop

TICKS_PER_QUARTER: Final = 960
"""Resolution of written files: a whole number of ticks a step on every grid."""

TICKS_PER_BAR: Final = BEATS_A_BAR * TICKS_PER_QUARTER

_KEYS: Final = np.array([voice.pitch for voice in VOICES])


class Notes(NamedTuple):
    """Notes of a loop, `(n_onsets,)` each, by voice and then by time.

    Attributes:
        starts: Ticks at which they begin.
        ends: Ticks at which they end.
        keys: General MIDI keys of their voices.
        velocities: 1 to 127.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    keys: NDArray[np.int64]
    velocities: NDArray[np.uint8]


def time_notes(loop: DrumLoop) -> Notes:
    """The notes of a loop, a 32nd long each unless the same key or the loop's end comes sooner.

    A hit that microtiming moves before the file's start begins at the start.
    """
    ticks_per_step = TICKS_PER_BAR // loop.steps_per_bar
    by_voice = loop.velocities.T.ravel()
    cells = (by_voice > 0).nonzero()[0]
    voices, steps = np.divmod(cells, loop.n_steps)
    shifts = loop.offsets[steps, voices].astype(float)
    offsets = np.rint(shifts * ticks_per_step).astype(np.int64)
    # Rounding must not carry a late hit over into the next step.
    np.minimum(offsets, ticks_per_step // 2 - 1, out=offsets)
    starts = np.maximum(0, steps * ticks_per_step + offsets)
    ends = np.minimum(starts + TICKS_PER_QUARTER // 8, loop.n_bars * TICKS_PER_BAR)
    # A key struck again ends its last note: players pair ons and offs by key.
    is_same = voices[1:] == voices[:-1]
    np.minimum(ends[:-1], starts[1:], out=ends[:-1], where=is_same)
    return Notes(starts, ends, _KEYS[voices], by_voice[cells])

"""When the notes of a loop begin and end, in MIDI ticks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core.grid import BEATS_A_BAR
from trapgen.core.kit import VOICES

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


def time_notes(
    velocities: NDArray[np.uint8], offsets: NDArray[np.float32], steps_per_bar: int
) -> Notes:
    """The notes of a loop, a 32nd long each unless the same key or the loop's end comes sooner.

    A hit that microtiming moves before the file's start begins at the start.

    Args:
        velocities: `(n_steps, 9)`, 0 where a voice is silent.
        offsets: `(n_steps, 9)` microtiming in steps.
        steps_per_bar: The grid.
    """
    n_steps, ticks_per_step = len(velocities), TICKS_PER_BAR // steps_per_bar
    by_voice = velocities.T.ravel()
    cells = (by_voice > 0).nonzero()[0]
    voices, steps = np.divmod(cells, n_steps)
    early = offsets[steps, voices].astype(float)
    shifts = np.rint(early * ticks_per_step).astype(np.int64)
    # Rounding must not carry a late hit over into the next step.
    np.minimum(shifts, ticks_per_step // 2 - 1, out=shifts)
    starts = np.maximum(0, steps * ticks_per_step + shifts)
    ends = np.minimum(starts + TICKS_PER_QUARTER // 8, n_steps * ticks_per_step)
    # A key struck again ends its last note: players pair ons and offs by key.
    is_same = voices[1:] == voices[:-1]
    np.minimum(ends[:-1], starts[1:], out=ends[:-1], where=is_same)
    return Notes(starts, ends, _KEYS[voices], by_voice[cells])

"""Swing and humanize: when hits sound, beside the grid.

Swing is a formula. Humanize is microtiming that the model has learned, or noise where it has none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SampleParams

_TRIPLET: Final = 1 / 6
"""Full swing puts the second 16th of an 8th at two thirds of it, a sixth later than straight."""

_HUMAN_S: Final = 0.01
"""Standard deviation at full humanize: loose, and still in time. A choice, not a measurement."""

_MOST: Final = 0.49
"""Offsets stay within half a step: on a fine grid swing ends there."""


def draw_offsets(
    onsets: NDArray[np.bool_],
    steps_per_bar: int,
    params: SampleParams,
    rng: np.random.Generator,
    learned: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Microtiming of hits.

    Swing delays the second 16th of every 8th, up to a triplet's place; what lies between moves in
    proportion. Humanize adds so much of the learned offsets or, without any, normal noise a hit.

    Args:
        onsets: `(n_steps, 9)` bool.
        steps_per_bar: The grid.
        params: `swing` and `humanize` from 0 to 1, and the tempo.
        rng: Of the noise.
        learned: `(n_steps, 9)` float32 in steps, as a player who has learned it would play.

    Returns:
        `(n_steps, 9)` float32 in steps, from -0.49 to 0.49, 0 where a voice is silent.
    """
    steps_per_eighth = steps_per_bar // 8
    within = np.arange(len(onsets)) % steps_per_eighth / steps_per_eighth
    # Straight time runs through (0.5, 0.5); swung time through (0.5, 0.5 + shift).
    swung = np.where(within <= 0.5, 2 * within, 2 * (1 - within)) * params.swing * _TRIPLET
    offsets = np.broadcast_to((swung * steps_per_eighth)[:, None], onsets.shape)
    if learned is not None:
        offsets = offsets + params.humanize * learned
    elif params.humanize:
        steps_per_s = steps_per_bar / 4 * params.bpm / 60
        offsets = offsets + rng.normal(0, params.humanize * _HUMAN_S * steps_per_s, onsets.shape)
    result: NDArray[np.float32] = (
        np.where(onsets, offsets, 0).clip(-_MOST, _MOST).astype(np.float32)
    )
    return result

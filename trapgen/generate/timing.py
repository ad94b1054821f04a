"""Swing and humanize: offsets of hits from the grid.

Swing is a formula. Humanize adds learned microtiming, or noise if the model has learned none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SampleParams

_TRIPLET: Final = 1 / 6
"""Full swing delays the second 16th of an 8th by a sixth of the 8th, to two thirds of it."""

_HUMAN_S: Final = 0.01
"""Standard deviation of the noise at full humanize: loose but in time. Chosen, not measured."""

_MOST: Final = 0.49
"""Largest offset, in steps: offsets stay within half a step, which limits swing on fine grids."""


def draw_offsets(
    onsets: NDArray[np.bool_],
    steps_per_bar: int,
    params: SampleParams,
    rng: np.random.Generator,
    learned: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Microtiming of hits.

    Swing delays the second 16th of every 8th, up to its triplet position, and shifts times between
    in proportion. Humanize adds that share of the learned offsets or, without any, normal noise.

    Args:
        onsets: `(n_steps, 9)` bool.
        steps_per_bar: The grid.
        params: `swing` and `humanize` from 0 to 1, and the tempo.
        rng: Random generator of the noise.
        learned: `(n_steps, 9)` float32 in steps, the humanizer's offsets.

    Returns:
        `(n_steps, 9)` float32 in steps, from -0.49 to 0.49, 0 where a voice is silent.
    """
    steps_per_eighth = steps_per_bar // 8
    within = np.arange(len(onsets)) % steps_per_eighth / steps_per_eighth
    # Straight time maps 0.5 to 0.5, swung time to 0.5 + shift.
    swung = np.where(within <= 0.5, 2 * within, 2 * (1 - within)) * params.swing * _TRIPLET
    offsets = np.broadcast_to((swung * steps_per_eighth)[:, None], onsets.shape)
    if learned is not None:
        offsets = offsets + params.humanize * learned
    elif params.humanize:
        steps_per_s = steps_per_bar / 4 * params.tempo / 60
        offsets = offsets + rng.normal(0, params.humanize * _HUMAN_S * steps_per_s, onsets.shape)
    result: NDArray[np.float32] = (
        np.where(onsets, offsets, 0).clip(-_MOST, _MOST).astype(np.float32)
    )
    return result

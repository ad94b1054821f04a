"""Bar alignment of a primer: the rotation that is most likely under the network."""

from __future__ import annotations

import numpy as np

from trapgen.core import BAR, BEATS_A_BAR, DrumLoop, add_bars, repeat_to, rotate, to_words
from trapgen.model import Network

_LEAST_BARS = 2
"""A one-bar primer is read twice, so that its end is followed by its beginning."""

_LEAST_GAIN = 0.05
"""Bits per step; a primer is rotated only if likelihood improves by this much, because loops often
fit in several rotations."""


def match_primer(network: Network, primer: DrumLoop) -> int:
    """How many beats after the primer's start its first bar begins, from 0 to 3.

    Aligns a file that was cut off the bar line, so that the continuation begins on one. Of all
    rotations by whole beats within a bar, the most likely one under the network wins.

    Args:
        network: The network.
        primer: A loop on the network's grid.
    """
    if not primer.onsets.any():
        return 0
    steps_per_beat = primer.steps_per_bar // BEATS_A_BAR
    whole = repeat_to(primer, max(_LEAST_BARS, primer.n_bars))
    turned = [rotate(whole, beats * steps_per_beat) for beats in range(BEATS_A_BAR)]
    tokens = np.stack([add_bars(to_words(loop), primer.steps_per_bar) for loop in turned])
    logs = network.log_probabilities(tokens).astype(np.float64)
    bits = -np.where(tokens == BAR, 0, logs).sum(axis=1) / np.log(2) / whole.n_steps
    best = int(bits.argmin())
    return best if bits[best] < bits[0] - _LEAST_GAIN else 0

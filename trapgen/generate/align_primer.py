"""Where a primer's bars begin: the rotation that the network finds likeliest."""

from __future__ import annotations

import numpy as np

from trapgen.core import BAR, BEATS_A_BAR, DrumLoop, add_bars, repeat_to, rotate, to_words
from trapgen.model import Network

_LEAST_BARS = 2
"""A primer of one bar is heard twice, so that its end meets its beginning."""

_LEAST_GAIN = 0.05
"""Bits a step: a primer is turned only if this much likelier; loops often fit several ways."""


def match_primer(network: Network, primer: DrumLoop) -> int:
    """How many beats late the primer's first bar begins, from 0 to 3.

    A file that was cut off the beat is brought to its bar line, so that what goes on from it
    begins on one: of the rotations by beats within a bar, the one of the highest likelihood.

    Args:
        network: The network.
        primer: A loop on the network's grid.
    """
    if not primer.onsets.any():
        return 0
    steps_per_beat = primer.steps_per_bar // BEATS_A_BAR
    heard = repeat_to(primer, max(_LEAST_BARS, primer.n_bars))
    turned = [rotate(heard, beats * steps_per_beat) for beats in range(BEATS_A_BAR)]
    tokens = np.stack([add_bars(to_words(loop), primer.steps_per_bar) for loop in turned])
    logs = network.log_probabilities(tokens).astype(np.float64)
    bits = -np.where(tokens == BAR, 0, logs).sum(axis=1) / np.log(2) / heard.n_steps
    best = int(bits.argmin())
    return best if bits[best] < bits[0] - _LEAST_GAIN else 0

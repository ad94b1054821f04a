"""Variations of played training loops: other plausible readings of the same performance.

A strike played between two steps is rounded to one of them by a small margin. A slight shift in
time rounds it to the other, so the loop is quantized again with shifted microtiming. Other
variations move a part to other drums, or drop its softest strokes. Only training loops are varied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, DrumLoop, map_hits

_SHIFT_16THS: Final = 0.12
_JITTER_16THS: Final = 0.03
_MISS_PROBABILITY: Final = 0.2
_SOFT: Final = (8, 22)
"""Range of a threshold; hits with a lower velocity may be dropped."""
_TOMS: Final = (4, 5, 6)
_EXCHANGES: Final = ((0.12, 2, 7), (0.12, 7, 8))
"""Probability of an exchange, and its voices: closed hat and ride, ride and crash."""
_TOM_PROBABILITY: Final = 0.25


def vary_loops(loops: Sequence[DrumLoop], seed: int) -> list[DrumLoop]:
    """A variation of each loop; loop `i` is the same whatever the number of loops."""
    generators = (np.random.default_rng([seed, at, *b"vary"]) for at in range(len(loops)))
    return [
        _exchange_voices(vary_timing(loop, rng), rng)
        for loop, rng in zip(loops, generators, strict=True)
    ]


def vary_timing(loop: DrumLoop, rng: np.random.Generator) -> DrumLoop:
    """Shift a loop's hits in time, unevenly, and quantize it again.

    All strikes share a shift of at most 0.12 sixteenths; each also gets a normal one with a
    standard deviation of 0.03. In one of five loops, only 30% of the softest strikes are kept.
    """
    steps, voices = np.nonzero(loop.velocities)
    velocities = loop.velocities[steps, voices]
    scale = loop.steps_per_bar / 16
    shift = rng.uniform(-_SHIFT_16THS, _SHIFT_16THS)
    moved = steps + loop.offsets[steps, voices] + scale * shift
    moved += rng.normal(0, scale * _JITTER_16THS, len(steps))
    landed = np.clip(np.floor(moved + 0.5), 0, loop.n_steps - 1).astype(np.int64)
    kept = np.ones(len(steps), bool)
    if rng.random() < _MISS_PROBABILITY:
        kept = (velocities >= rng.integers(*_SOFT)) | (rng.random(len(steps)) < 0.3)
    new = np.zeros_like(loop.velocities)
    np.maximum.at(new, (landed[kept], voices[kept]), velocities[kept])
    return DrumLoop(new, loop.steps_per_bar, loop.bpm, lineage=loop.lineage)


def _exchange_voices(loop: DrumLoop, rng: np.random.Generator) -> DrumLoop:
    taken_from: NDArray[np.int64] = np.arange(N_VOICES)
    if rng.random() < _TOM_PROBABILITY:
        taken_from[list(_TOMS)] = rng.permutation(_TOMS)
    for probability, one, other in _EXCHANGES:
        if rng.random() < probability:
            taken_from[[one, other]] = taken_from[[other, one]]
    return map_hits(loop, lambda hits: hits[:, taken_from])

"""Thousands of synthetic loops and bars, some of them copies of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trapgen.audit import LEAKS, Case
from trapgen.core import CLOSED_HAT, KICK, N_VOICES, OPEN_HAT, SNARE, DrumLoop

STEPS = 32
PLANTED = 0.05
CHANGED = 2

Planted = dict[str, NDArray[np.int64]]
"""`(n, 2)` indices of originals and their copies, by kind of change to the copy."""


def draw_bars(n_bars: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Trap-like bars: a snare in the middle, hats on eighths or denser with rolls, loose kicks.

    Returns:
        `(n_bars, 32, 9)` onsets; at least six hits each.
    """
    onsets = np.zeros((n_bars, STEPS, N_VOICES), bool)
    step = np.arange(STEPS)
    place = np.select([step % 8 == 0, step % 4 == 0, step % 2 == 0], [0.4, 0.25, 0.12], 0.02)
    onsets[:, :, KICK] = rng.random((n_bars, STEPS)) < place * rng.uniform(0.5, 1.5, (n_bars, 1))
    onsets[:, 0, KICK] |= rng.random(n_bars) < 0.8
    onsets[:, 16, SNARE] = True
    onsets[:, :, SNARE] |= rng.random((n_bars, STEPS)) < 0.03
    every = rng.choice([2, 2, 4, 4, 8], (n_bars, 1))
    onsets[:, :, CLOSED_HAT] = (step % every == 0) & (rng.random((n_bars, STEPS)) < 0.85)
    rolls = rng.random((n_bars, STEPS // 4)) < 0.15
    onsets[:, :, CLOSED_HAT] |= np.repeat(rolls, 4, axis=1)
    onsets[:, :, OPEN_HAT] = (step % 4 == 0) & (rng.random((n_bars, STEPS)) < 0.08)
    extra = rng.integers(OPEN_HAT + 1, N_VOICES, n_bars)
    onsets[np.arange(n_bars), :, extra] = (step % 2 == 0) & (rng.random((n_bars, STEPS)) < 0.12)
    sparse = onsets.sum(axis=(1, 2)) < 6
    onsets[sparse, ::4, CLOSED_HAT] = True
    return onsets


def draw_loops(n_loops: int, rng: np.random.Generator) -> tuple[list[DrumLoop], Planted]:
    """Loops of four bars: a bar, a variation, the bar again and a new one; some loops are copies.

    Copies have two hits per bar changed; every other one is also rotated by beats.
    """
    n_copies = round(PLANTED * n_loops)
    n_own = n_loops - n_copies
    first, last = draw_bars(n_own, rng), draw_bars(n_own, rng)
    take = first ^ (rng.random(first.shape) < 0.01)
    onsets = np.concatenate([first, take, first, last], axis=1)
    loops = [DrumLoop(np.where(loop, 100, 0), STEPS) for loop in onsets]
    originals = rng.choice(n_own, n_copies, replace=False)
    rotated = np.arange(n_copies) % 2 == 1
    for original, is_rotated in zip(originals.tolist(), rotated.tolist(), strict=True):
        copy = loops[original]
        for kind in ("2 hits a bar changed", *(("rotated by beats",) if is_rotated else ())):
            copy = LEAKS[kind](Case(copy, rng, ())) or copy
        loops.append(copy)
    pairs = np.stack([originals, n_own + np.arange(n_copies)], axis=1)
    return loops, {"changed": pairs[~rotated], "changed, rotated": pairs[rotated]}


def plant_bars(n_bars: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Planted]:
    """Rows of bars, `(n_bars, 288)`; some are copies with up to two cells changed."""
    n_copies = round(PLANTED * n_bars)
    own = draw_bars(n_bars - n_copies, rng).reshape(n_bars - n_copies, -1)
    originals = rng.choice(len(own), n_copies, replace=False)
    copies = own[originals]
    for _ in range(CHANGED):
        copies[np.arange(n_copies), rng.integers(own.shape[1], size=n_copies)] ^= True
    pairs = np.stack([originals, len(own) + np.arange(n_copies)], axis=1)
    return np.concatenate([own, copies]), {"changed": pairs}

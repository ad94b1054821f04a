"""Variations of training loops: near what was played, drawn by the seed, and on the grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import random_loop
from trapgen.core import DrumLoop
from trapgen.model.training import vary_loops
from trapgen.model.training.jitter import vary_timing


def play(steps, offsets, steps_per_bar=16):
    """A snare at each step, that much beside it, of a velocity that is never missed."""
    velocities, told = np.zeros((2 * steps_per_bar, 9)), np.zeros((2 * steps_per_bar, 9))
    velocities[steps, 1], told[steps, 1] = 100, offsets
    return DrumLoop(velocities, steps_per_bar, 120.0, told)


def snares(loop):
    return np.flatnonzero(loop.onsets[:, 1]).tolist()


def test_hits_on_16ths_stay_and_hits_between_them_move():
    steady = play([0, 4, 8, 12, 20], 0)
    between = play([4, 12, 20], 0.49)
    found = set()
    for seed in range(40):
        assert snares(vary_timing(steady, np.random.default_rng(seed))) == snares(steady)
        found |= set(snares(vary_timing(between, np.random.default_rng(seed))))
    assert found == {4, 5, 12, 13, 20, 21}


def test_a_shift_is_as_long_on_a_finer_grid():
    # Of a loop of 32 steps a bar a step is half as long, so that it may move twice as many.
    between = play([4, 12, 20], 0.3, steps_per_bar=32)
    moved = [snares(vary_timing(between, np.random.default_rng(seed))) for seed in range(60)]
    assert any(5 in steps for steps in moved)
    wide = play([4, 12, 20], 0.3)
    still = [snares(vary_timing(wide, np.random.default_rng(seed))) for seed in range(60)]
    assert not any(5 in steps for steps in still)


def test_strikes_that_meet_keep_the_louder():
    loop = play([4, 5], [0.49, -0.49])
    velocities = loop.velocities.copy()
    velocities[4, 1] = 110
    loop = DrumLoop(velocities, 16, 120.0, loop.offsets)
    varied = [vary_timing(loop, np.random.default_rng(seed)) for seed in range(40)]
    met = [found.velocities[:, 1].max() for found in varied if found.n_onsets == 1]
    assert met
    assert set(met) == {110}


@settings(max_examples=20)
@given(st.integers(0, 999), st.integers(1, 4))
def test_variations_are_loops_like_their_originals(seed, bars):
    rng = np.random.default_rng(seed)
    loops = [random_loop(rng, bars, 16) for _ in range(3)]
    varied = vary_loops(loops, seed)
    for one, other in zip(loops, varied, strict=True):
        assert (one.n_steps, one.steps_per_bar, one.bpm) == (other.n_steps, 16, other.bpm)
        assert other.n_onsets <= one.n_onsets
        assert one.lineage == other.lineage
    assert varied[:2] == vary_loops(loops[:2], seed)


def test_only_similar_voices_are_swapped():
    loop = random_loop(np.random.default_rng(3), 2, 16)
    velocities = np.where(loop.onsets, 100, 0)
    loop = DrumLoop(velocities, 16)
    counts = loop.onsets.sum(axis=0)
    orders = set()
    for varied in vary_loops([loop] * 200, 0):
        found = varied.onsets.sum(axis=0)
        orders.add(tuple(found.tolist()))
        for alike in ([0], [1], [3], [2, 7, 8], [4, 5, 6]):
            assert sorted(found[alike]) == sorted(counts[alike])
    assert len(orders) > 5

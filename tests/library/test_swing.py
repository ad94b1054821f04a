"""Swing and humanize: when the hits of a drawn loop sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import make_humanizer
from trapgen.core import STEPS_PER_BAR, SampleParams
from trapgen.generate import DecodedLoop
from trapgen.generate.render_loops import to_loops
from trapgen.generate.timing import draw_offsets

ALL = 511


def offsets(steps_per_bar, seed=0, **changes):
    """Offsets of a bar in which every voice plays every step."""
    onsets = np.ones((steps_per_bar, 9), bool)
    rng = np.random.default_rng(seed)
    return draw_offsets(onsets, steps_per_bar, SampleParams(**changes), rng)


@pytest.mark.parametrize("steps_per_bar", STEPS_PER_BAR)
def test_straight_is_on_the_grid(steps_per_bar):
    assert not offsets(steps_per_bar).any()


def test_full_swing_is_a_triplet_on_a_grid_of_16ths():
    swung = offsets(16, swing=1.0)
    # The second 16th at two thirds of the 8th: a third of a step late.
    np.testing.assert_allclose(swung[0::2], 0)
    np.testing.assert_allclose(swung[1::2], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(offsets(16, swing=0.3), 0.3 * swung, rtol=1e-6)


def test_between_the_16ths_hits_move_half_as_far():
    swung = offsets(32, swing=0.6)[:4, 0]
    np.testing.assert_allclose(swung, [0, 0.2, 0.4, 0.2], rtol=1e-6)


def test_on_a_fine_grid_swing_ends_within_half_a_step():
    np.testing.assert_allclose(offsets(32, swing=1.0)[:4, 0], [0, 1 / 3, 0.49, 1 / 3], rtol=1e-6)


@given(st.sampled_from(STEPS_PER_BAR), st.floats(0, 1), st.floats(0, 1), st.floats(20, 400))
def test_hits_keep_their_order_and_their_step(steps_per_bar, swing, humanize, bpm):
    found = offsets(steps_per_bar, swing=swing, humanize=humanize, bpm=bpm)
    assert np.abs(found).max() <= 0.5 - 1e-3


def test_humanize_is_ten_milliseconds_whatever_the_tempo():
    for bpm in (70, 140):
        found = offsets(16, humanize=0.5, bpm=bpm)
        seconds = found * 60 / bpm / 4
        assert seconds.std() == pytest.approx(0.005, rel=0.15)
        assert abs(seconds.mean()) < 0.002


def test_learned_microtiming_takes_the_place_of_noise():
    onsets, learned = np.ones((16, 9), bool), np.full((16, 9), -0.3, np.float32)
    rng = np.random.default_rng(0)
    half = draw_offsets(onsets, 16, SampleParams(humanize=0.5), rng, learned)
    np.testing.assert_allclose(half, -0.15, rtol=1e-6)
    assert not draw_offsets(onsets, 16, SampleParams(), rng, learned).any()
    both = draw_offsets(onsets, 16, SampleParams(humanize=1, swing=1), rng, learned)
    np.testing.assert_allclose(both[1], 1 / 3 - 0.3, rtol=1e-5)


def test_what_a_humanizer_has_learned_is_scaled():
    decoded_loops = [DecodedLoop(np.full(16, ALL), (16,))]
    humanizer = make_humanizer(16, offsets=True)
    params = (SampleParams(humanize=1), SampleParams(humanize=0.25), SampleParams())
    (full,), (less,), (none,) = (to_loops(decoded_loops, humanizer, each, 0) for each in params)
    assert np.unique(full.offsets).size > 100
    assert np.abs(full.offsets).max() <= 0.49
    inside = np.abs(full.offsets) < 0.49
    np.testing.assert_allclose(less.offsets[inside], full.offsets[inside] / 4, rtol=1e-5)
    assert not none.offsets.any()


def test_only_hits_move_and_the_seed_decides():
    decoded_loops = [DecodedLoop(np.where(np.arange(32) % 4 == 1, ALL, 0), (32,))]
    params, humanizer = SampleParams(swing=0.5, humanize=0.5), make_humanizer(32)
    (one,), (same,), (other,) = (
        to_loops(decoded_loops, humanizer, params, seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert (one.offsets[one.onsets] != 0).all()
    assert not one.offsets[~one.onsets].any()
    assert (one.offsets != other.offsets).any()
    straight = to_loops(decoded_loops, humanizer, SampleParams(), seed=1)[0]
    assert (straight.velocities == one.velocities).all()

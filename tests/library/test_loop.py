"""The loop: what it refuses, that nobody can change it, and the laws of cutting and turning."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, grids, make_loop
from trapgen.core import (
    KICK,
    SNARE,
    STEPS_PER_BAR,
    DrumLoop,
    Lineage,
    ParameterError,
    cut,
    repeat_to,
    rotate,
    source_id,
)

HITS = np.full((16, 9), 100)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"steps_per_bar": 12}, "steps_per_bar"),
        ({"velocities": np.zeros((15, 9))}, "velocities"),
        ({"velocities": np.zeros((0, 9))}, "velocities"),
        ({"velocities": np.zeros((16, 8))}, "velocities"),
        ({"velocities": np.zeros(16)}, "velocities"),
        ({"velocities": np.full((16, 9), 128)}, "velocities"),
        ({"velocities": np.full((16, 9), 256)}, "velocities"),
        ({"velocities": np.full((16, 9), -1)}, "velocities"),
        ({"bpm": 0.0}, "bpm"),
        ({"bpm": -1.0}, "bpm"),
        ({"bpm": float("nan")}, "bpm"),
        ({"bpm": float("inf")}, "bpm"),
        ({"offsets": np.full((16, 9), 0.5)}, "offsets"),
        ({"offsets": np.full((16, 9), -0.51)}, "offsets"),
        ({"offsets": np.full((16, 9), np.nan)}, "offsets"),
        ({"offsets": np.zeros((15, 9))}, "offsets"),
        ({"offsets": np.zeros(9)}, "offsets"),
    ],
)
def test_invalid_arrays_are_refused(parts, name):
    with pytest.raises(ParameterError, match="received") as caught:
        DrumLoop(**{"velocities": HITS, "steps_per_bar": 16, **parts})
    assert caught.value.name == name


@given(drum_loops())
def test_a_loop_counts_its_bars_steps_and_onsets(loop):
    assert loop.n_steps == len(loop.velocities) == loop.n_bars * loop.steps_per_bar
    assert loop.n_onsets == loop.onsets.sum() == np.count_nonzero(loop.velocities)
    assert loop.velocities.dtype == np.uint8
    assert loop.offsets.dtype == np.float32
    assert not loop.offsets[~loop.onsets].any()


def test_a_loop_is_immutable():
    mine = HITS.copy()
    loop = DrumLoop(mine, 16)
    mine[:] = 0
    assert loop.n_onsets == 144
    with pytest.raises(ValueError, match="read-only"):
        loop.velocities[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        loop.offsets[0, 0] = 0.1
    with pytest.raises(FrozenInstanceError):
        loop.bpm = 90.0


@given(drum_loops(min_hits=1))
def test_a_loop_equals_only_its_copies(loop):
    assert replace(loop) == loop
    assert hash(replace(loop)) == hash(loop)
    step, voice = np.argwhere(loop.onsets)[0]
    velocities, offsets = np.array(loop.velocities), np.array(loop.offsets)
    velocities[step, voice] ^= 2 if velocities[step, voice] != 2 else 1
    offsets[step, voice] = 0.25 if offsets[step, voice] != 0.25 else 0.0
    for other in (
        replace(loop, velocities=velocities),
        replace(loop, offsets=offsets),
        replace(loop, bpm=loop.bpm + 1),
        replace(loop, lineage=Lineage("another")),
        "a loop",
    ):
        assert other != loop


@given(drum_loops(), st.integers(1, 9))
def test_repeating_starts_again_at_the_first_bar(loop, n_bars):
    longer = repeat_to(loop, n_bars)
    at = np.arange(n_bars * loop.steps_per_bar) % loop.n_steps
    np.testing.assert_array_equal(longer.velocities, loop.velocities[at])
    np.testing.assert_array_equal(longer.offsets, loop.offsets[at])
    assert repeat_to(loop, loop.n_bars) == loop


@given(drum_loops(), st.integers(1, 3), st.integers(1, 7))
def test_repeating_twice_is_repeating_once(loop, times, n_bars):
    assert repeat_to(repeat_to(loop, times * loop.n_bars), n_bars) == repeat_to(loop, n_bars)


@given(drum_loops(), st.integers(-300, 300), st.integers(-300, 300))
def test_rotations_add_up(loop, one, other):
    turned = rotate(loop, one)
    assert rotate(turned, other) == rotate(loop, one + other)
    assert rotate(turned, -one) == rotate(loop, loop.n_steps) == loop
    assert turned.n_onsets == loop.n_onsets
    np.testing.assert_array_equal(turned.velocities[0], loop.velocities[one % loop.n_steps])


@given(drum_loops(), st.data())
def test_cut_pieces_make_the_whole_loop(loop, data):
    at = data.draw(st.integers(0, loop.n_bars))
    pieces = [cut(loop, *span) for span in ((0, at), (at, loop.n_bars - at)) if span[1]]
    whole = np.concatenate([piece.velocities for piece in pieces])
    np.testing.assert_array_equal(whole, loop.velocities)
    assert sum(piece.n_onsets for piece in pieces) == loop.n_onsets
    assert cut(repeat_to(loop, 2 * loop.n_bars), loop.n_bars, loop.n_bars) == loop


@pytest.mark.parametrize("window", [(-1, 1), (0, 0), (0, 3), (2, 1), (1, -1)])
def test_a_window_lies_within_the_loop(window):
    with pytest.raises(ParameterError, match="within 2 bars") as caught:
        cut(make_loop((0, KICK), bars=2), *window)
    assert caught.value.received == window


@pytest.mark.parametrize("n_bars", [0, -1])
def test_a_loop_is_at_least_a_bar(n_bars):
    with pytest.raises(ParameterError, match="at least 1"):
        repeat_to(make_loop((0, KICK)), n_bars)


@given(drum_loops(min_hits=1), st.integers(1, 127), st.floats(20, 400))
def test_a_source_is_its_onsets_alone(loop, velocity, bpm):
    louder = np.where(loop.onsets, velocity, 0)
    other = DrumLoop(louder, loop.steps_per_bar, bpm, loop.offsets)
    assert source_id(other) == source_id(loop)
    assert re.fullmatch("s2-[0-9a-f]{16}", source_id(loop))
    fewer = np.array(loop.velocities)
    fewer[tuple(np.argwhere(loop.onsets)[-1])] = 0
    assert source_id(replace(loop, velocities=fewer)) != source_id(loop)


@given(drum_loops(), grids)
def test_a_source_is_the_same_on_every_grid_that_holds_it(loop, finer):
    factor, rest = divmod(finer, loop.steps_per_bar)
    if rest:
        factor = 96 // loop.steps_per_bar
    straight = DrumLoop(loop.velocities, loop.steps_per_bar)
    velocities = np.zeros((loop.n_steps * factor, 9), np.uint8)
    velocities[::factor] = loop.velocities
    assert source_id(DrumLoop(velocities, loop.steps_per_bar * factor)) == source_id(straight)


def test_sources_differ_by_voice_time_and_repetition():
    loops = [make_loop((at, voice)) for at in range(16) for voice in (KICK, SNARE)]
    loops += [repeat_to(loop, 2) for loop in loops]
    assert len({source_id(loop) for loop in loops}) == len(loops) == 64


def test_grids_divide_the_finest():
    assert all(96 % steps == 0 for steps in STEPS_PER_BAR)

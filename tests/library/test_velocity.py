"""Velocities: learned from loops, drawn within their range, the same after a round trip."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import drum_loops, make_loop, random_loop

from trapgen.errors import ModelError
from trapgen.kit import CLOSED_HAT, KICK, SNARE
from trapgen.loop import DrumLoop, repeat_to
from trapgen.velocity import VelocityProfile

NOTHING = VelocityProfile({}, {})


def draw(profile, loop, seed=0):
    return profile.draw(loop.onsets, loop.steps_per_bar, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(0)
    return VelocityProfile.fit([random_loop(rng, 4, 32, density) for density in (0.05, 0.3, 0.8)])


@given(drum_loops(), st.integers(0, 2**32 - 1))
def test_every_hit_gets_a_velocity(learned, loop, seed):
    for profile in (learned, NOTHING):
        drawn = draw(profile, loop, seed)
        assert drawn.dtype == np.uint8
        np.testing.assert_array_equal(drawn > 0, loop.onsets)
        assert drawn.max() <= 127
        np.testing.assert_array_equal(drawn, draw(profile, loop, seed))


@given(st.lists(drum_loops(steps_per_bar=32), max_size=3))
def test_quantiles_lie_within_what_was_played(loops):
    profile = VelocityProfile.fit(loops)
    for key, levels in profile.velocities.items():
        voice = key.split("/")[0]
        assert levels == sorted(levels)
        assert 1 <= levels[0] <= levels[-1] <= 127
        assert voice in {"kick", "snare", "closed_hat", "open_hat", "low_tom", "mid_tom",
                         "high_tom", "ride", "crash"}  # fmt: skip
    for levels in profile.ramps.values():
        assert levels == sorted(levels)
        assert levels[0] > 0


def test_a_steady_hand_stays_steady():
    loop = repeat_to(make_loop((0, KICK), (8, SNARE), steps_per_bar=16, velocity=70), 16)
    profile = VelocityProfile.fit([loop])
    assert profile.velocities["kick/0/hit"] == [70.0] * 7
    assert profile.ramps == {}
    drawn = draw(profile, loop).astype(int)[loop.onsets]
    # Only a little noise is added.
    assert abs(drawn.mean() - 70) < 2
    assert np.abs(drawn - 70).max() <= 10


def test_the_place_in_the_beat_is_learned():
    velocities = np.zeros((32, 9), np.uint8)
    velocities[0::8, CLOSED_HAT] = 120  # on the beat
    velocities[4::8, CLOSED_HAT] = 60  # between beats
    loop = repeat_to(DrumLoop(velocities, 32), 8)
    drawn = draw(VelocityProfile.fit([loop]), loop)
    assert drawn[0::8, CLOSED_HAT].mean() > 110
    assert drawn[4::8, CLOSED_HAT].mean() < 70


def test_a_roll_is_one_gesture():
    velocities = np.zeros((32, 9), np.uint8)
    velocities[24:32, CLOSED_HAT] = np.linspace(40, 120, 8)
    loop = repeat_to(DrumLoop(velocities, 32), 8)
    profile = VelocityProfile.fit([loop])
    assert profile.ramps["closed_hat"] == [3.0] * 7
    drawn = draw(profile, loop).astype(int)[:, CLOSED_HAT].reshape(8, 32)[:, 24:]
    rise = drawn[:, -2:].mean(axis=1) / drawn[:, :2].mean(axis=1)
    assert (rise > 1.8).all()


def test_what_is_seldom_heard_falls_back():
    # Seven open hats say nothing; any hit of the voice is better than none.
    few = make_loop(*((2 * at, CLOSED_HAT) for at in range(7)), velocity=33)
    assert VelocityProfile.fit([few]).velocities == {}
    assert draw(NOTHING, few)[few.onsets].mean() == pytest.approx(96, abs=5)
    enough = repeat_to(few, 2)
    profile = VelocityProfile.fit([enough])
    off_beat = make_loop((1, CLOSED_HAT))
    assert abs(int(draw(profile, off_beat)[1, CLOSED_HAT]) - 33) <= 10


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drum_loops(min_hits=9), max_size=3))
def test_a_profile_comes_back(tmp_path, loops):
    profile = VelocityProfile.fit(loops)
    profile.save(tmp_path / "velocity.json")
    text = (tmp_path / "velocity.json").read_text()
    assert VelocityProfile.load(tmp_path / "velocity.json") == profile
    VelocityProfile.fit(loops).save(tmp_path / "velocity.json")
    assert (tmp_path / "velocity.json").read_text() == text


@pytest.mark.parametrize(
    "content",
    [None, "{", "[]", "3", "{}", json.dumps({"velocities": {}, "ramps": {}, "more": 1}),
     json.dumps({"velocities": 3, "ramps": 4})],
)  # fmt: skip
def test_what_is_no_profile_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "velocity.json").write_text(content)
    with pytest.raises(ModelError, match=r"velocity\.json"):
        VelocityProfile.load(tmp_path / "velocity.json")

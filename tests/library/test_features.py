"""What is counted in a loop, by hand and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop
from trapgen.core import CLOSED_HAT, KICK, LOW_TOM, OPEN_HAT, RIDE, SNARE, DrumLoop, repeat_to
from trapgen.evaluate import collect_features
from trapgen.evaluate.metrics.loop_features import (
    collect_hits,
    consistency,
    loop_features,
    metric_weights,
    syncopation,
)


def lane(*steps, bars=1, steps_per_bar=16):
    hits = np.zeros(bars * steps_per_bar, bool)
    hits[list(steps)] = True
    return hits


def test_weights_are_those_of_the_metric_tree():
    # The 4/4 table of Longuet-Higgins and Lee, to the sixteenth.
    sixteenths = [0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4]
    assert metric_weights(16).tolist() == sixteenths
    fine = metric_weights(32)
    assert fine[::2].tolist() == sixteenths
    assert (fine[1::2] == -5).all()
    # Of 24 steps a bar every third is an eighth; the triplets lie on no level.
    assert metric_weights(24)[:7].tolist() == [0, -6, -6, -3, -6, -6, -2]


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ((), 0),
        ((0, 4, 8, 12), 0),
        # A downbeat is stronger than any silence.
        ((0,), 0),
        # A hit before a silent beat 3: -1 less -4.
        ((0, 7), 3 + 0),
        ((7,), 4),
        # The son clave, by hand: 3 over 4, 6 over 8, and 10 and 12 over nothing stronger.
        ((0, 3, 6, 10, 12), 2 + 2),
    ],
)
def test_syncopation_by_hand(hits, expected):
    assert syncopation(lane(*hits), 16) == expected


def test_syncopation_goes_round_the_end_and_is_told_by_the_bar():
    # The last sixteenth, held over the next downbeat.
    assert syncopation(lane(8, 15), 16) == 4
    assert syncopation(lane(0, 15), 16) == 0
    # Held over the second downbeat, once in two bars.
    assert syncopation(lane(0, 7, bars=2), 16) == 4 / 2


def test_consistency_by_hand():
    same = lane(0, 6, 16, 22, bars=2)
    assert consistency(same, 16) == 1
    assert consistency(lane(0, 6, 16, 23, bars=2), 16) == pytest.approx(1 / 3)
    assert consistency(lane(0, bars=2), 16) == 0
    assert consistency(lane(bars=3), 16) == 1
    assert consistency(lane(3), 16) == 1


def test_a_loop_by_hand():
    loop = make_loop(
        (0, KICK), (16, KICK), (22, KICK), (8, SNARE), (24, SNARE), (4, SNARE), (9, OPEN_HAT),
        (10, RIDE), (30, LOW_TOM), *((step, CLOSED_HAT) for step in (0, 1, 2, 8)),
        bars=2,
    )  # fmt: skip
    found = loop_features(loop)
    counted = {name: found[name] for name in found if name.endswith("density")}
    assert counted == {
        "density": 6.5,
        "kick_density": 1.5,
        "snare_density": 1.5,
        "hat_density": 2,
        "cymbal_density": 1,
        "tom_density": 0.5,
    }
    assert found["kick_consistency"] == 0.5
    assert found["kick_variety"] == 1
    assert found["backbeat"] == 1
    assert found["roll_rate"] == pytest.approx(2 / 3)
    assert found["off_beat"] == pytest.approx(2 / 13)
    assert found["velocity"] == 100
    assert found["velocity_spread"] == found["timing_spread"] == 0


@given(drum_loops(min_hits=1), st.integers(2, 3))
def test_a_loop_that_is_repeated_counts_the_same(loop, times):
    again = repeat_to(loop, times * loop.n_bars)
    ours, theirs = loop_features(loop), loop_features(again)
    # Those that compare neighbors see the seam once more.
    seam = ("consistency", "variety", "roll_rate")
    for name in ours:
        if not any(part in name for part in seam):
            assert theirs[name] == pytest.approx(ours[name], abs=1e-6), name


@given(drum_loops())
def test_features_are_finite_and_shares_are_shares(loop):
    for name, value in loop_features(loop).items():
        assert np.isfinite(value)
        assert value >= 0
        if name.endswith(("consistency", "variety", "rate", "backbeat", "off_beat")):
            assert value <= 1


def test_features_and_hits_are_collected_by_loop():
    velocities = np.zeros((16, 9), np.uint8)
    velocities[[0, 4], KICK] = 90, 110
    offsets = np.zeros((16, 9), np.float32)
    offsets[4, KICK] = 0.25
    loops = [DrumLoop(velocities, 16, offsets=offsets), make_loop((0, KICK))]
    assert collect_features(loops)["velocity_spread"].tolist() == [10, 0]
    hits = collect_hits(loops)
    assert [values.tolist() for values in hits["hit_velocity"]] == [[90, 110], [100]]
    assert [values.tolist() for values in hits["hit_offset"]] == [[0, 0.25], [0]]
    assert collect_features([]) == {}

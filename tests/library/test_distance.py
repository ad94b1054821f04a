"""The distance itself: by hand, and against an optimal assignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from tests.nearest import find_nearest
from tests.strategies import drum_loops, make_loop
from trapgen.core import CLOSED_HAT, KICK, SNARE, ParameterError, rotate
from trapgen.similarity import Transform, compare, halve_time
from trapgen.similarity.distance import compare_onsets

BEAT = make_loop((0, KICK), (8, SNARE), (4, CLOSED_HAT), (12, CLOSED_HAT))


def test_distance_counts_hits_by_voice():
    found = compare(BEAT, make_loop((0, KICK), (2, KICK), (8, SNARE), (5, CLOSED_HAT)))
    assert found.shared.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found.changed.tolist() == [1, 0, 3, 0, 0, 0, 0, 0, 0]
    assert found.n_changed == 4
    assert found.jaccard == 4 / 6
    of_voice = found.changed / np.maximum(1, found.shared + found.changed)
    assert of_voice.tolist() == [1 / 2, 0, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("late", "tolerance", "n_changed"),
    [(0, 0, 0), (1, 0, 8), (1, 1, 0), (2, 1, 8), (2, 2, 0), (3, 2, 8)],
)
def test_a_late_hit_matches_within_the_tolerance(late, tolerance, n_changed):
    moved = make_loop(*((int(step) + late, int(voice)) for step, voice in np.argwhere(BEAT.onsets)))
    assert compare(BEAT, moved, tolerance_steps=tolerance).n_changed == n_changed


def test_a_hit_matches_at_most_one_hit():
    assert (
        compare(make_loop((4, KICK)), make_loop((3, KICK), (5, KICK)), tolerance_steps=1).changed[
            KICK
        ]
        == 1
    )


def test_hits_of_different_voices_do_not_match():
    assert compare(make_loop((4, KICK)), make_loop((4, SNARE)), tolerance_steps=16).jaccard == 1


def test_two_silent_loops_have_distance_zero():
    assert compare(make_loop(), make_loop()).jaccard == 0


times = st.sets(st.integers(0, 15), max_size=10)


@given(times, times, st.integers(0, 4))
def test_matching_earliest_hits_first_is_optimal(ours, theirs, tolerance):
    one, other = make_loop(*((at, KICK) for at in ours)), make_loop(*((at, KICK) for at in theirs))
    meet = np.abs(np.subtract.outer(sorted(ours), sorted(theirs))) <= tolerance
    most = meet[linear_sum_assignment(meet, maximize=True)].sum()
    found = compare_onsets(one.onsets, other.onsets, tolerance)
    assert found.shared.sum() == most
    assert found.n_changed == len(ours) + len(theirs) - 2 * most


@given(drum_loops(steps_per_bar=16), drum_loops(steps_per_bar=16))
def test_without_tolerance_it_is_the_hamming_distance(left, right):
    n_bars = min(left.n_bars, right.n_bars)
    ours, theirs = left.onsets[: 16 * n_bars], right.onsets[: 16 * n_bars]
    found = compare_onsets(ours, theirs)
    assert found.n_changed == (ours ^ theirs).sum()
    union = (ours | theirs).sum()
    assert found.jaccard == pytest.approx((ours ^ theirs).sum() / union if union else 0)


@given(drum_loops(steps_per_bar=16, min_hits=1), st.integers(0, 11))
def test_the_nearest_transform_is_the_inverse_of_the_one_applied(loop, beats):
    for disguised in (rotate(loop, 4 * beats), rotate(halve_time(loop), 4 * beats)):
        way, found = find_nearest(disguised, loop, stretch=True)
        assert found.n_changed == 0
        assert compare(disguised, loop, way).n_changed == 0


def test_the_nearest_is_the_first_of_those_as_near():
    assert find_nearest(BEAT, rotate(BEAT, 4))[0] == Transform(rotation_beats=3)
    assert find_nearest(BEAT, BEAT, stretch=True)[0] == Transform()


def test_a_tolerance_is_not_negative():
    with pytest.raises(ParameterError, match="tolerance_steps"):
        compare(BEAT, BEAT, tolerance_steps=-1)

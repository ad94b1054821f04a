"""Distances between loops: by hand, and against a search that leaves nothing to cleverness."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import drum_loops, make_loop, random_loop

from trapgen.errors import ParameterError
from trapgen.kit import CLOSED_HAT, KICK, SNARE
from trapgen.loop import DrumLoop, Lineage, repeat_to, rotate
from trapgen.similarity import Pair, cluster, connect, find_pairs


def hits_of(loop, n_bars, beats=0):
    turned = rotate(repeat_to(loop, n_bars), beats * loop.steps_per_bar // 4)
    return {(int(step), int(voice)) for step, voice in np.argwhere(turned.onsets)}


def distance_of(left, right):
    """Exactly, over all rotations by whole beats."""
    n_bars = max(left.n_bars, right.n_bars)
    ours = hits_of(left, n_bars)
    best = Fraction(2)
    for beats in range(4 * n_bars):
        theirs = hits_of(right, n_bars, beats)
        union = len(ours | theirs)
        best = min(best, 1 - Fraction(len(ours & theirs), union) if union else Fraction(0))
    return best


ONE, TWO = (0, KICK), (8, SNARE)
BEAT = make_loop(ONE, TWO, (4, CLOSED_HAT), (12, CLOSED_HAT))


@pytest.mark.parametrize(
    ("other", "distance", "beats"),
    [
        pytest.param(BEAT, 0, 0, id="itself"),
        pytest.param(replace(BEAT, bpm=99.0), 0, 0, id="another tempo"),
        pytest.param(make_loop(ONE, TWO, (4, 2), (12, 2), velocity=1), 0, 0, id="softer"),
        pytest.param(repeat_to(BEAT, 3), 0, 0, id="repeated"),
        pytest.param(rotate(BEAT, 4), 0, 3, id="starts a beat later"),
        pytest.param(rotate(repeat_to(BEAT, 2), 12), 0, 1, id="repeated, starts on the last beat"),
        pytest.param(make_loop(ONE, TWO, (4, 2)), 1 / 4, 0, id="one hit less"),
        pytest.param(make_loop(ONE, TWO, (4, 2), (12, 2), (2, 0)), 1 / 5, 0, id="one hit more"),
        pytest.param(make_loop(ONE), 3 / 4, 0, id="only the kick"),
        pytest.param(make_loop((1, KICK)), 1, 0, id="nothing in common"),
        pytest.param(make_loop(), 1, 0, id="silence"),
    ],
)
def test_distances_by_hand(other, distance, beats):
    assert find_pairs([BEAT], [other], 1) == [Pair(0, 0, np.float32(distance), beats)]
    assert find_pairs([BEAT], [other], distance) == find_pairs([BEAT], [other], 1)
    assert float(distance_of(BEAT, other)) == pytest.approx(distance)


def test_silence_is_silence():
    assert find_pairs([make_loop()], [make_loop(bars=2)], 0) == [Pair(0, 0, 0.0, 0)]


def test_half_a_beat_later_is_another_loop():
    (pair,) = find_pairs([BEAT], [rotate(BEAT, 2)], 1)
    assert pair.distance == 1


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
def test_the_threshold_itself_is_within(threshold):
    whole = [(step, voice) for voice in range(9) for step in range(0, 16, 2)][:20]
    n_less = round(20 * threshold)
    near, far = make_loop(*whole[n_less:]), make_loop(*whole[n_less + 1 :])
    assert [pair.right for pair in find_pairs([make_loop(*whole)], [near, far], threshold)] == [0]


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([16, 24]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([0.005, 0.1]),
)
def test_finds_what_a_plain_search_finds(seed, steps_per_bar, threshold, density):
    rng = np.random.default_rng(seed)
    lengths = rng.choice([1, 2, 3, 4], size=6)
    loops = [random_loop(rng, int(n), steps_per_bar, density) for n in lengths]
    # Relatives, so that there is something to find.
    left = [*loops[:4], repeat_to(loops[4], 4), rotate(loops[5], steps_per_bar // 2)]
    right = [*loops[3:], rotate(loops[0], steps_per_bar // 4), repeat_to(loops[1], 4)]
    expected = {
        (i, j): distance_of(one, other)
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if distance_of(one, other) <= threshold
    }
    found = find_pairs(left, right, threshold)
    assert [(pair.left, pair.right) for pair in found] == sorted(expected)
    for pair in found:
        assert pair.distance == pytest.approx(float(expected[pair.left, pair.right]), abs=1e-6)
        n_bars = max(left[pair.left].n_bars, right[pair.right].n_bars)
        ours = hits_of(left[pair.left], n_bars)
        theirs = hits_of(right[pair.right], n_bars, pair.rotation_beats)
        shared, union = len(ours & theirs), len(ours | theirs)
        assert 1 - (shared / union if union else 1) == pytest.approx(pair.distance, abs=1e-6)


@given(drum_loops(steps_per_bar=32, min_hits=1), st.integers(0, 23), st.integers(0, 3))
def test_a_disguise_is_seen_through(loop, beats, more_bars):
    disguised = rotate(repeat_to(loop, loop.n_bars + more_bars), 8 * beats)
    disguised = DrumLoop(np.where(disguised.onsets, 1, 0), 32, 99.0)
    assert [pair.distance for pair in find_pairs([loop], [disguised], 0)] == [0]
    assert [pair.distance for pair in find_pairs([disguised], [loop], 0)] == [0]


def test_large_searches_go_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    loops = [random_loop(rng, 1) for _ in range(9)]
    whole = find_pairs(loops, loops[::-1], 0.9)
    monkeypatch.setattr("trapgen.similarity._CHUNK_CELLS", 2 * 16 * 9)
    assert find_pairs(loops, loops[::-1], 0.9) == whole
    assert len(whole) >= 9


def test_grids_do_not_mix():
    with pytest.raises(ParameterError, match=r"received \[16, 32\]"):
        find_pairs([make_loop(ONE)], [make_loop(ONE, steps_per_bar=32)], 0.1)


def test_nothing_is_near_nothing():
    assert find_pairs([], [BEAT], 1) == find_pairs([BEAT], [], 1) == find_pairs([], [], 1) == []


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_components_are_what_links_reach(n_items, links):
    links = [(one, other) for one, other in links if max(one, other) < n_items]
    reached = np.eye(n_items, dtype=bool)
    for one, other in links:
        reached[one, other] = reached[other, one] = True
    for _ in range(n_items):
        reached = reached @ reached
    assert connect(n_items, links).tolist() == reached.argmax(axis=1).tolist()


def test_loops_are_grouped_by_source_and_by_likeness():
    named = [
        replace(random_loop(np.random.default_rng(at)), lineage=Lineage(str(at), sources))
        for at, sources in enumerate([("a",), ("b",), ("b", "c"), ("c",), ("d",), ("e",)])
    ]
    named[5] = replace(rotate(named[0], 8), lineage=named[5].lineage)
    assert cluster(named, 0.1).tolist() == [0, 1, 1, 1, 4, 0]

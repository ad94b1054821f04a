"""The search for near loops: by hand, and against a search that leaves nothing to cleverness."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nearest import find_nearest
from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    SNARE,
    DrumLoop,
    Lineage,
    ParameterError,
    repeat_to,
    rotate,
)
from trapgen.similarity import Pair, Transform, cluster, compare, connect, find_pairs, halve_time


def find_plainly(left, right, threshold, stretch=False):
    """Pairs by trying every way in which two loops can lie."""
    nearest = [
        (i, j, *find_nearest(one, other, stretch=stretch))
        for i, one in enumerate(left)
        for j, other in enumerate(right)
    ]
    return [
        Pair(i, j, np.float32(found.jaccard), way.rotation_beats, way.stretch)
        for i, j, way, found in nearest
        if np.float32(found.jaccard) <= np.float32(threshold)
    ]


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
    assert find_plainly([BEAT], [other], 1) == find_pairs([BEAT], [other], 1)


def test_silent_loops_are_at_distance_zero():
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


def draw_relatives(seed, steps_per_bar, density):
    rng = np.random.default_rng(seed)
    lengths = rng.choice([1, 2, 3], size=6)
    loops = [random_loop(rng, int(n), steps_per_bar, density) for n in lengths]
    left = [*loops[:4], repeat_to(loops[4], 4), rotate(loops[5], steps_per_bar // 2)]
    right = [*loops[3:], rotate(loops[0], steps_per_bar // 4), repeat_to(loops[1], 4)]
    return [*left, halve_time(loops[3])], [*right, halve_time(loops[2]), loops[3]]


@pytest.mark.parametrize("dense", [0.0, 0.2, 2.0])
@settings(max_examples=10)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([16, 24]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([0.005, 0.1]),
    st.booleans(),
)
def test_finds_what_a_plain_search_finds(dense, seed, steps_per_bar, threshold, density, stretch):
    left, right = draw_relatives(seed, steps_per_bar, density)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trapgen.similarity.loops._DENSE", dense)
        found = find_pairs(left, right, threshold, stretch=stretch)
    assert found == find_plainly(left, right, threshold, stretch)
    for pair in found:
        told = compare(left[pair.left], right[pair.right], pair.transform)
        assert np.float32(told.jaccard) == pair.distance


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.6, 1.0]), st.booleans())
def test_loops_against_themselves_are_loops_against_their_copies(seed, threshold, stretch):
    loops = [*chain(*draw_relatives(seed, 16, 0.1))]
    itself = find_pairs(loops, loops, threshold, stretch=stretch)
    assert itself == find_pairs(loops, list(loops), threshold, stretch=stretch)
    assert {(pair.left, pair.right) for pair in itself} >= {(i, i) for i in range(len(loops))}


@settings(max_examples=40)
@given(drum_loops(steps_per_bar=32, min_hits=1), st.integers(0, 23))
def test_half_time_copies_are_found(loop, beats):
    slow = rotate(halve_time(loop), 8 * beats)
    for left, right, stretch in ((slow, loop, 2.0), (loop, slow, 0.5)):
        (pair,) = find_pairs([left], [right], 1, stretch=True)
        assert pair.distance == 0
        assert pair.stretch in {1.0, stretch}
        assert compare(left, right, pair.transform).n_changed == 0


def test_at_one_tempo_comes_first():
    hats = make_loop(*((step, CLOSED_HAT) for step in range(0, 16, 4)))
    every_beat, every_other = hats, halve_time(hats)
    assert find_pairs([every_beat], [every_beat], 0, stretch=True) == [Pair(0, 0, 0.0, 0)]
    assert find_pairs([every_other], [every_beat], 0, stretch=True) == [Pair(0, 0, 0.0, 0, 2.0)]
    assert find_pairs([every_beat], [every_other], 0, stretch=True) == [Pair(0, 0, 0.0, 0, 0.5)]
    assert not find_pairs([every_other], [every_beat], 0)


def test_pairs_are_columns_and_a_sequence():
    loops = [BEAT, rotate(BEAT, 4), make_loop((1, KICK))]
    pairs = find_pairs(loops, loops, 0.5)
    assert [(pair.left, pair.right) for pair in pairs] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    assert pairs[1] == Pair(0, 1, 0.0, 3) == list(pairs)[1]
    assert pairs[1].transform == Transform(rotation_beats=3)
    assert pairs[pairs.left == pairs.right] == [pairs[0], pairs[3], pairs[4]]
    assert pairs[1:3] == pairs[np.array([1, 2])] == [pairs[1], pairs[2]]
    assert len(pairs) == 5
    assert pairs.left.dtype == pairs.right.dtype == np.int32


def test_one_pattern_is_compared_once_and_told_for_every_loop():
    loops = [BEAT, make_loop((1, KICK)), replace(BEAT, bpm=99.0), BEAT]
    found = find_pairs(loops, [BEAT, BEAT], 0)
    assert [(pair.left, pair.right) for pair in found] == [
        (left, right) for left in (0, 2, 3) for right in (0, 1)
    ]


@given(drum_loops(steps_per_bar=32, min_hits=1), st.integers(0, 23), st.integers(0, 3))
def test_transformed_copies_are_found(loop, beats, more_bars):
    disguised = rotate(repeat_to(loop, loop.n_bars + more_bars), 8 * beats)
    disguised = DrumLoop(np.where(disguised.onsets, 1, 0), 32, 99.0)
    assert [pair.distance for pair in find_pairs([loop], [disguised], 0)] == [0]
    assert [pair.distance for pair in find_pairs([disguised], [loop], 0)] == [0]


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_a_search_in_pieces_finds_the_same(monkeypatch, threshold):
    rng = np.random.default_rng(0)
    loops = [random_loop(rng, 1 + at % 2) for at in range(20)]
    others = [*loops[::-1], *(rotate(loop, 4) for loop in loops)]
    whole = find_pairs(loops, others, threshold), find_pairs(loops, loops, threshold)
    for size in ("loops._BLOCK_ROWS", "loops._BLOCK_COLUMNS", "rotations._CHUNK_PAIRS"):
        monkeypatch.setattr(f"trapgen.similarity.{size}", 3)
    monkeypatch.setattr("trapgen.similarity.rotations._CHUNK_CELLS", 30)
    assert (find_pairs(loops, others, threshold), find_pairs(loops, loops, threshold)) == whole
    assert len(whole[0]) >= 40


def test_any_number_of_workers_finds_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    loops = [random_loop(rng) for _ in range(30)]
    monkeypatch.setattr("trapgen.similarity.loops._BLOCK_ROWS", 4)
    found = []
    for n_workers in (1, 2, 5):
        monkeypatch.setattr("os.cpu_count", lambda n_workers=n_workers: n_workers)
        found.append(find_pairs(loops, loops, 0.9))
    assert found[0] == found[1] == found[2]


def test_loops_on_different_grids_are_refused():
    with pytest.raises(ParameterError, match=r"received \[16, 32\]"):
        find_pairs([make_loop(ONE)], [make_loop(ONE, steps_per_bar=32)], 0.1)


def test_a_search_without_loops_finds_no_pairs():
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
    assert connect(n_items, np.array(links, int)).tolist() == reached.argmax(axis=1).tolist()


def test_loops_are_grouped_by_source_and_by_likeness():
    named = [
        replace(random_loop(np.random.default_rng(at)), lineage=Lineage(str(at), sources))
        for at, sources in enumerate([("a",), ("b",), ("b", "c"), ("c",), ("d",), ("e",)])
    ]
    named[5] = replace(rotate(named[0], 8), lineage=named[5].lineage)
    assert cluster(named, 0.1).tolist() == [0, 1, 1, 1, 4, 0]


@pytest.mark.parametrize("times", [1, 255, 256, 65_536])
def test_repeated_links_connect_their_loops(times):
    assert connect(3, [(0, 2)] * times).tolist() == [0, 1, 0]

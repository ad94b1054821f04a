"""Windows: what stands on both sides, counted as by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.audit import list_windows
from trapgen.audit.bar_windows import exact_bar_overlap
from trapgen.core import KICK, SNARE, DrumLoop, cut, repeat_to, rotate


def shares(train, others, distance=None, n_bars=1):
    if distance is None and n_bars == 1:
        return exact_bar_overlap(train, others)
    windows = list_windows([*train, *others], n_bars)
    is_train = np.arange(len(train) + len(others)) < len(train)
    if distance is None:
        return windows.share_exact(is_train, ~is_train)
    return windows.share_near(is_train, ~is_train, distance)


def test_bar_overlap_by_hand():
    one, two = make_loop((0, KICK)), make_loop((8, SNARE), velocity=3)
    both = DrumLoop(np.concatenate([one.velocities, two.velocities]), 16)
    silent = make_loop(bars=2)
    assert shares([both], [rotate(both, 16)]) == 1
    assert shares([one], [both]) == 1 / 2
    assert shares([both], [rotate(one, 1)]) == 0
    assert shares([silent], [silent]) == 0
    rest = DrumLoop(np.concatenate([one.velocities, silent.velocities]), 16)
    assert shares([one, silent], [rest]) == 1


@given(
    st.lists(drum_loops(steps_per_bar=16, max_hits=2), min_size=2, max_size=5), st.integers(1, 3)
)
def test_overlap_counts_windows(loops, n_bars):
    train, others = loops[:1], loops[1:]
    known, asked = (
        [
            cut(loop, at, n_bars).onsets.tobytes()
            for loop in side
            for at in range(loop.n_bars - n_bars + 1)
            if cut(loop, at, n_bars).n_onsets
        ]
        for side in (train, others)
    )
    expected = np.mean([window in known for window in asked]) if asked else 0
    assert shares(train, others, n_bars=n_bars) == pytest.approx(expected)


def test_near_bar_overlap_by_hand():
    ten = [(step, KICK) for step in range(10)]
    known = make_loop(*ten, (15, SNARE))
    one_less, two_less = make_loop(*ten), make_loop(*ten[1:])
    turned, silent = rotate(known, 4), make_loop()
    for other, distance in ((known, 0), (one_less, 1 / 11), (two_less, 2 / 11)):
        assert shares([known], [other], distance) == 1
        assert shares([known], [other], distance - 0.01) == 0
    # Bars stand where they stand, and silence is no bar.
    assert shares([known], [turned], 0.1) == 0
    others = [known, silent, one_less, two_less, turned]
    assert shares([known], others, 0.1) == 2 / 4
    assert shares([known], [known, known, turned], 0.1) == pytest.approx(2 / 3)
    assert shares([silent], [known], 1) == shares([known], [silent], 1) == 0


@given(st.lists(drum_loops(steps_per_bar=16, max_hits=4), min_size=2, max_size=4))
def test_near_bars_are_the_exact_ones_and_more(loops):
    train, others = loops[:1], loops[1:]
    found = [shares(train, others, distance) for distance in (0, 0.3, 0.6, 1)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(shares(train, others))
    has_bars = train[0].n_onsets and any(loop.n_onsets for loop in others)
    assert found[-1] == (1 if has_bars else 0)


@pytest.mark.parametrize("steps_per_bar", [16, 24, 32, 48, 96])
def test_windows_at_every_beat_go_round(steps_per_bar):
    loop = random_loop(np.random.default_rng(0), 3, steps_per_bar)
    windows = list_windows([loop], 2, at_every_beat=True)
    assert windows.beat.tolist() == list(range(12))
    beat = steps_per_bar // 4
    for at, pattern in enumerate(windows.pattern.tolist()):
        expected = repeat_to(rotate(loop, at * beat), 2).onsets.reshape(8, -1)
        packed = np.packbits(expected, axis=1).ravel()
        assert np.array_equal(windows.onsets.packed[pattern], packed)
        assert windows.onsets[np.array([pattern])].unpack().sum() == expected.sum()


def test_loops_shorter_than_the_window_have_none():
    windows = list_windows([make_loop((0, KICK))], 2)
    assert len(windows.owner) == len(windows.onsets) == 0
    assert windows.share_exact(np.array([True]), np.array([False])) == 0

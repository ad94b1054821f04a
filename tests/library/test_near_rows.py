"""Bars near each other: what signatures find is what comparing all finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapgen.core import ParameterError
from trapgen.similarity import RowPairs, measure_recall, near_rows, share_near
from trapgen.similarity.bitsets import BitSets
from trapgen.similarity.blocking import MAX_CHANGES, count_keys, make_keys, meet


def draw_bars(seed, n_rows, density=0.06, n_cells=144):
    """Bars and their mutants, in which 0 to 6 cells are flipped; some silent, some twice."""
    rng = np.random.default_rng(seed)
    bars = rng.random((n_rows // 3, n_cells)) < density
    mutants = bars[rng.integers(len(bars), size=n_rows - len(bars))]
    for row in mutants:
        row[rng.integers(n_cells, size=rng.integers(7))] ^= True
    rows = np.concatenate([bars, mutants])
    rows[::29] = False
    return rng.permutation(rows)


def compare_all(ours, known, max_distance, max_changed=None):
    shared = ours.astype(int) @ known.T.astype(int)
    union = ours.sum(axis=1)[:, None] + known.sum(axis=1) - shared
    distance = np.where(union > 0, (union - shared) / np.maximum(union, 1), 0).astype(np.float32)
    near = distance <= np.float32(max_distance)
    if max_changed is not None:
        near &= union - shared <= max_changed
    return *np.nonzero(near), distance[near]


def assert_same(found, expected):
    for column, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(column, other)


@pytest.fixture(params=[0, 60], ids=["by signature", "whichever is quicker"])
def _key_cost(request, monkeypatch):
    monkeypatch.setattr("trapgen.similarity.bars._KEY_COST", request.param)


@pytest.mark.usefixtures("_key_cost")
@pytest.mark.parametrize("max_changed", [None, 0, 1, 2, 5])
@pytest.mark.parametrize("max_distance", [0.0, 0.1, 0.2, 0.35, 0.5, 1.0])
def test_finds_what_comparing_all_finds(max_distance, max_changed):
    ours, known = draw_bars(1, 150), draw_bars(1, 240)[::2]
    expected = compare_all(ours, known, max_distance, max_changed)
    found = near_rows(ours, known, max_distance, max_changed=max_changed)
    assert_same(found, expected)
    if max_changed is None:
        expected_any = np.isin(np.arange(len(ours)), expected[0])
        np.testing.assert_array_equal(share_near(ours, known, max_distance), expected_any)
        assert share_near(known, known, max_distance).all()
    assert len(found.ours)


@pytest.mark.usefixtures("_key_cost")
@pytest.mark.parametrize("max_distance", [0.0, 0.15, 0.3])
def test_rows_against_themselves(max_distance):
    rows = draw_bars(2, 200)
    assert_same(near_rows(rows, rows, max_distance), compare_all(rows, rows, max_distance))


@pytest.mark.usefixtures("_key_cost")
@pytest.mark.parametrize("max_distance", [0.1, 0.3])
def test_rows_fuller_than_any_known(max_distance):
    rng = np.random.default_rng(0)
    ours = np.concatenate([draw_bars(4, 90), rng.random((60, 144)) < rng.random((60, 1)) / 2])
    known = ours[ours.sum(axis=1) < 20]
    assert_same(near_rows(ours, known, max_distance), compare_all(ours, known, max_distance))
    assert_same(near_rows(known, ours, max_distance), compare_all(known, ours, max_distance))


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.07, 0.1, 0.15, 0.2, 0.25, 1 / 3]),
    st.sampled_from([0.01, 0.05, 0.15]),
    st.sampled_from([9, 63, 64, 144, 288]),
)
def test_nothing_near_is_missed(seed, max_distance, density, n_cells):
    ours, known = draw_bars(seed, 60, density, n_cells), draw_bars(seed + 1, 40, density, n_cells)
    known = np.concatenate([known, ours[:20]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trapgen.similarity.bars._KEY_COST", 0)
        found = near_rows(ours, known, max_distance)
    assert_same(found, compare_all(ours, known, max_distance))


@pytest.mark.parametrize("n_changes", range(MAX_CHANGES + 1))
def test_rows_that_differ_in_few_cells_meet_at_one_first_key(n_changes):
    rng = np.random.default_rng(n_changes)
    row = rng.random((1, 144)) < 0.1
    keys = list(make_keys(rng.integers(50, size=144), 50, n_changes))
    assert len(keys) == count_keys(n_changes)
    for _ in range(30):
        other = row.copy()
        other[0, rng.permutation(144)[:n_changes]] ^= True
        one, near = BitSets.of(row).words(), BitSets.of(other).words()
        met = [key for key in keys if any(len(left) for left, _ in meet(one, near, key))]
        assert sum(key.is_first(one ^ near).item() for key in met) == 1


def test_the_recall_is_held_against_a_plain_search():
    rows, known = draw_bars(3, 300), draw_bars(3, 400)[::2]
    found, near = near_rows(rows, known, 0.2), share_near(rows, known, 0.2)
    for told in (found, near):
        recall = measure_recall(rows, known, 0.2, told, np.random.default_rng(0), n_sample=50)
        assert recall == 1
    few = near_rows(rows, known, 0.2, max_changed=1)
    for max_changed, expected in ((1, 1), (None, len(few.ours) / len(found.ours))):
        rng = np.random.default_rng(0)
        assert measure_recall(rows, known, 0.2, few, rng, 300, max_changed=max_changed) == expected
    half = RowPairs(*(column[::2] for column in found))
    recall = measure_recall(rows, known, 0.2, half, np.random.default_rng(0), n_sample=300)
    assert recall == len(half.ours) / len(found.ours)
    missed = near & (np.arange(len(rows)) % 2 == 0)
    recall = measure_recall(rows, known, 0.2, missed, np.random.default_rng(0), n_sample=300)
    assert recall == missed.sum() / near.sum()
    assert measure_recall(rows, known[:0], 0.2, ~near, np.random.default_rng(0)) == 1


def test_rows_are_of_one_length():
    with pytest.raises(ParameterError, match=r"received \(144, 288\)"):
        near_rows(np.zeros((1, 144), bool), np.zeros((1, 288), bool), 0.1)


def test_a_search_without_bars_finds_no_pairs():
    none, bar = np.zeros((0, 144), bool), np.ones((1, 144), bool)
    for ours, known in ((none, bar), (bar, none), (none, none)):
        assert [len(column) for column in near_rows(ours, known, 1)] == [0, 0, 0]
        assert share_near(ours, known, 1).tolist() == [False] * len(ours)

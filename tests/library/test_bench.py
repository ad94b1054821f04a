"""What the audit is compared with does its part, so that the comparison is fair."""

from __future__ import annotations

import numpy as np
import pytest

from bench.audit import choose, score_run
from bench.peers import Run, match_minhash, match_neighbors, match_rows
from bench.scale import measure
from bench.synthetic import draw_loops, plant_bars
from tests.strategies import random_loop
from trapgen.audit import Leak
from trapgen.audit.bar_windows import FULL_BAR
from trapgen.core import DrumLoop, repeat_to


@pytest.fixture(scope="module")
def sides():
    """Forty loops of two bars, and others: a copy of each tenth, then ten of their own."""
    rng = np.random.default_rng(0)
    train = [random_loop(rng) for _ in range(40)]
    return train, [*train[::10], *(random_loop(rng) for _ in range(10))]


def as_set(pairs):
    return set(map(tuple, pairs.tolist()))


@pytest.mark.parametrize("match", [match_rows, match_minhash, match_neighbors])
def test_every_peer_finds_exact_copies_and_no_strangers(match, sides):
    copies = {(0, 0), (10, 1), (20, 2), (30, 3)}
    runs = list(match(*sides))
    assert len({run.setting for run in runs}) == len(runs) > 1
    for run in runs:
        assert run.pairs.shape == (len(run.pairs), 2)
        assert as_set(run.pairs) >= copies, run.setting
    assert as_set(min(runs, key=lambda run: len(run.pairs)).pairs) == copies


def test_bars_are_rows_too():
    rng = np.random.default_rng(0)
    one, two = random_loop(rng, 1), random_loop(rng, 1)
    both = DrumLoop(np.concatenate([one.velocities, two.velocities]), 16)
    found = {run.setting: as_set(run.pairs) for run in match_rows([one, two], [repeat_to(both, 4)])}
    everyone = {(0, 0), (1, 0)}
    assert found == {
        "whole loops": set(),
        "any bar": everyone,
        "half of the bars": everyone,
        "every bar": set(),
    }


def test_runs_are_scored_and_chosen_by_their_alarms(sides):
    train, held_out = sides
    leaks = [Leak("exact", 5, train[5]), Leak("exact", 6, train[6])]
    n = len(held_out)
    strict = Run("strict", np.array([[0, 0], [5, n]]), 1.0)
    loose = Run("loose", np.array([[5, n], [6, n + 1], [7, n], [8, 9]]), 1.0)
    scores = [score_run(run, train, held_out, leaks, [(0, 0)]) for run in (strict, loose)]
    assert [score.recall for score in scores] == [{"exact": 0.5}, {"exact": 1.0}]
    assert [score.false_alarms for score in scores] == [0, 1 / (40 * n - 1)]
    assert choose(scores, 0.01).run is loose
    assert choose(scores, 0.0).run is strict
    assert choose(scores[1:], 0.0).run is loose


def test_synthetic_copies_are_near_their_originals():
    rng = np.random.default_rng(0)
    loops, planted = draw_loops(200, rng)
    assert len(loops) == 200
    assert {name: len(pairs) for name, pairs in planted.items()} == {
        "changed": 5,
        "changed, rotated": 5,
    }
    for original, copy in planted["changed"].tolist():
        differs = (loops[original].onsets != loops[copy].onsets).reshape(4, -1).sum(axis=1)
        assert differs.tolist() == [2] * 4
    rows, planted = plant_bars(200, rng)
    assert rows.shape == (200, 288)
    assert rows[:190].sum(axis=1).min() >= FULL_BAR
    original, copy = planted["changed"].T
    assert ((rows[original] != rows[copy]).sum(axis=1) <= 2).all()


@pytest.mark.parametrize("search", ["trapgen", "trapgen, bars"])
def test_our_search_finds_all_copies(search):
    found = measure(search, 400)
    assert set(found["recall"].values()) == {1.0}
    assert found.get("sampled_recall", 1.0) == 1.0
    assert found["n_pairs"] >= 20

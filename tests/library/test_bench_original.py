"""The original's recipe in the benches does what the original did, and costs are counted right."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from rich.console import Console

from bench.matrix import Cost, count_learned, count_sampled, measure
from bench.sample import ORIGINAL, make_network, sample_as_the_original
from bench.train import Corpus, compare_targets, learn_every_step, shapes_of
from experiments.recipe import build
from tests.networks import PLAIN
from trapgen.core import N_TARGETS
from trapgen.model import weight_shapes
from trapgen.model.training import make_lstm


def test_the_original_samples_from_its_window():
    model = build(1, 2, N_TARGETS)
    window = np.zeros(ORIGINAL.window, np.int64)
    drawn, again = (sample_as_the_original(model, window, 2) for _ in range(2))
    assert drawn.shape == (2,)
    np.testing.assert_array_equal(drawn, again)
    assert not window.any()


@pytest.mark.slow
def test_every_step_of_the_originals_network_is_learned():
    # Two words in turn: whatever the window's length, what follows is known.
    rows = np.tile([3, 300], (4, 9))
    learn = learn_every_step(build(1, 12, N_TARGETS, partial(make_lstm, scans=True)))
    losses = [float(learn(rows[:, :-1], rows[:, 1:])) for _ in range(150)]
    assert losses[0] == pytest.approx(np.log(N_TARGETS), rel=0.05)
    assert losses[-1] < 0.5 * losses[0]


def test_both_sides_of_the_starter_corpus_have_loops():
    corpus = Corpus.load()
    assert len(corpus.train) > 500
    assert len(corpus.validation) > 50


def test_products_are_counted():
    gates = 4 * 8
    inner = 8 * gates
    shapes = shapes_of(build(3, 8, N_TARGETS))
    assert count_learned(shapes) == 2 * (2 * N_TARGETS * gates + 3 * 5 * inner)
    assert count_sampled(shapes) == 2 * (N_TARGETS * gates + 5 * inner + 8 * N_TARGETS)


def test_a_random_network_has_all_weights_that_are_counted():
    shapes = weight_shapes(PLAIN)
    assert {name: x.shape for name, x in make_network(PLAIN).weights.items()} == shapes
    gates, width = 4 * 12, 12 + PLAIN.n_skipped
    inner = (PLAIN.n_features + 3 * 12) * gates
    assert count_sampled(shapes) == 2 * (inner + 12 * N_TARGETS + width * 10 + 12 * 5)


def test_the_least_of_several_times_is_kept():
    cost = measure(lambda: np.ones(1000).sum(), times=3)
    assert 0 < cost.clock_s < 1
    assert Cost(1.0, 4.0).least(Cost(2.0, 3.0)) == Cost(1.0, 3.0)


@pytest.mark.slow
def test_targets_are_compared(capsys):
    corpus = Corpus([np.full(128, 3)] * 12, [])
    compare_targets(Console(width=200), corpus, 2, 1)
    shown = capsys.readouterr().out
    assert "every step a target" in shown
    (ours,) = (line for line in shown.splitlines() if "every step a target" in line)
    rate, ratio = (float(cell.replace(",", "")) for cell in ours.split("│")[2:4])
    assert rate > 0
    assert ratio > 0

"""The original's recipe in the benches does what the original did, and costs are counted right."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from bench import original
from bench.matrix import Cost, count_learned, count_sampled, measure
from bench.sample import make_network
from bench.train import Corpus, compare_targets, every_step, stream_of
from trapgen.core import BAR, N_TARGETS
from trapgen.model import ModelSpec
from trapgen.model.words.spec import N_TOKENS

PAPER = ModelSpec("paper", 3, 8, 0.2, 0, 32)


def test_windows_are_one_hot_and_learn_the_word_after():
    stream = np.arange(original.WINDOW + 9) % N_TARGETS
    x, y = original.cut_windows(stream, np.array([0, 4]))
    np.testing.assert_array_equal(x.argmax(axis=2), [stream[:-9], stream[4:-5]])
    assert (x.sum(axis=2) == 1).all()
    np.testing.assert_array_equal(y.argmax(axis=1), stream[[original.WINDOW, original.WINDOW + 4]])


def test_the_original_samples_from_its_window():
    model = original.build_model(2, layers=1)
    window = np.zeros(original.WINDOW, np.int64)
    drawn = original.sample_words(model, window, 2, np.random.default_rng(0))
    again = original.sample_words(model, window, 2, np.random.default_rng(0))
    assert drawn.shape == (2,)
    np.testing.assert_array_equal(drawn, again)
    assert not window.any()


def test_ours_learns_every_step_of_the_same_windows():
    loops = [np.full(128, 3)] * 12
    windows = every_step(loops, PAPER, original.WINDOW, 4)
    stream = stream_of(loops)
    np.testing.assert_array_equal(windows.targets[1], stream[257:513])
    np.testing.assert_array_equal(windows.inputs.previous[1], stream[256:512])
    assert windows.is_target.all()
    np.testing.assert_array_equal(windows.is_word == 0, windows.targets == BAR)


def test_both_sides_of_the_starter_corpus_have_loops():
    corpus = Corpus.load()
    assert len(corpus.train) > 500
    assert len(corpus.validation) > 50


def test_products_are_counted():
    gates = 4 * 8
    inner = 8 * gates
    assert count_learned(PAPER) == 2 * (2 * N_TOKENS * gates + 3 * 5 * inner)
    assert count_sampled(PAPER) == 2 * (5 * inner + 8 * N_TARGETS)
    assert make_network(PAPER).spec == PAPER


def test_the_least_of_several_times_is_kept():
    cost = measure(lambda: np.ones(1000).sum(), times=3)
    assert 0 < cost.clock_s < 1
    assert Cost(1.0, 4.0).least(Cost(2.0, 3.0)) == Cost(1.0, 3.0)


def test_targets_are_compared(capsys):
    corpus = Corpus([np.full(128, 3)] * 12, [])
    compare_targets(Console(width=200), corpus, 2, 1)
    shown = capsys.readouterr().out
    assert "every step a target" in shown
    (ours,) = (line for line in shown.splitlines() if "every step a target" in line)
    rate, ratio = (float(cell.replace(",", "")) for cell in ours.split("│")[2:4])
    assert rate > 0
    assert ratio > 0

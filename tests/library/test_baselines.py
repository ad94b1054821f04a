"""The baselines: probabilities by hand, and the figures that a published split gives."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapgen.core import N_WORDS, ParameterError, StandardizeParams, to_words
from trapgen.evaluate import NAMES, baseline_bits
from trapgen.evaluate.baselines import (
    LAGS_BARS,
    BackOff,
    mix_copies,
    ngram_contexts,
    position_contexts,
)
from trapgen.ingest import read_loop

STEPS = 16


def words_of(*values, bars=1):
    """A loop of `values` over and over."""
    return np.resize(np.array(values, np.int64), bars * STEPS)


def test_witten_bell_by_hand():
    # Two kinds of word after nothing: 3 of 7, and 1 of 5; p = (n(w) + 2 / 512) / (4 + 2).
    model = BackOff.fit([np.array([7, 7, 5, 7])], lambda _words, _at: [()])
    assert model.probability(np.array([7]), 0) == pytest.approx((3 + 2 / 512) / 6)
    assert model.probability(np.array([5]), 0) == pytest.approx((1 + 2 / 512) / 6)
    assert model.probability(np.array([9]), 0) == pytest.approx((2 / 512) / 6)


def test_a_context_leans_on_the_shorter_one():
    train = [np.array([7, 5, 7, 7])]
    model = BackOff.fit(train, position_contexts(2))
    # On even steps only 7 was seen, twice; in general 7 three times and 5 once.
    general = (3 + 2 / 512) / 6
    assert model.probability(np.array([7, 7]), 0) == pytest.approx((2 + 1 * general) / 3)
    # On odd steps 5 and 7, once each.
    assert model.probability(np.array([7, 7]), 1) == pytest.approx((1 + 2 * general) / 4)


def test_an_unseen_context_is_the_shorter_one():
    model = BackOff.fit([words_of(1, 2, bars=2)], ngram_contexts(STEPS))
    seen = BackOff.fit([words_of(1, 2, bars=2)], position_contexts(STEPS))
    strange = words_of(300, 301, bars=2)
    assert model.probability(strange, 20) == pytest.approx(seen.probability(strange, 20))


loops = st.lists(
    st.lists(st.integers(0, 5) | st.integers(0, 511), min_size=2 * STEPS, max_size=2 * STEPS),
    min_size=1,
    max_size=3,
)


@settings(max_examples=20)
@given(loops, loops, st.integers(0, 2 * STEPS - 1), st.sampled_from([0, 1]))
def test_probabilities_of_all_words_make_one(train, held_out, at, which):
    contexts = (ngram_contexts, position_contexts)[which](STEPS)
    model = BackOff.fit([np.array(words) for words in train], contexts)
    words = np.array(held_out[0])
    total = 0.0
    for word in range(N_WORDS):
        words[at] = word
        total += model.probability(words, at)
    assert total == pytest.approx(1)


def test_contexts_of_the_ngram():
    words = np.arange(2 * STEPS)
    assert ngram_contexts(STEPS)(words, 20) == [
        (),
        ("at", 4),
        ("ago", 4, 4),
        (1, 4, 4, 19),
        (3, 4, 4, 17, 18, 19),
        (6, 4, 4, 14, 15, 16, 17, 18, 19),
    ]
    assert ngram_contexts(STEPS)(words, 1)[2:4] == [("ago", 1, -1), (1, 1, -1, 0)]
    assert ngram_contexts(STEPS)(words, 1)[4] == (3, 1, -1, -1, -1, 0)


def test_bits_of_loops_that_repeat():
    rng = np.random.default_rng(0)
    # Every loop repeats a bar of its own: the place alone says little, the last bar all.
    train, held_out = (
        [words_of(*rng.choice(40, STEPS), bars=4) for _ in range(n)] for n in (60, 10)
    )
    bits = baseline_bits(train, held_out, STEPS)
    assert set(bits) == set(NAMES)
    assert bits["uniform"] == 9
    assert bits["lag_copy"] < bits["ngram"] < bits["position"] < 9
    # The first of four bars cannot be known; after it, repeating is sure.
    assert bits["repeat_bar"] == pytest.approx(bits["position"] / 4, rel=0.05)


def test_repeating_a_bar_by_hand():
    # 16 of 16 steps repeated: the share is (16 + 1) / (16 + 2). Position: one word, seen 32 times.
    train = [words_of(3, bars=2)]
    general = (32 + 1 / 512) / 33
    position = (2 + general) / 3
    first, then = -np.log2(position), -np.log2(17 / 18 + position / 18)
    bits = baseline_bits(train, train, STEPS)
    assert bits["repeat_bar"] == pytest.approx((first + then) / 2)
    assert bits["position"] == pytest.approx(first)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 39), st.floats(0.001, 0.9)
)
def test_copies_share_out_the_probability_of_a_step(words, index, likely):
    """Whatever came before, the words at a step have a probability of 1 in all."""
    words, index = np.array(words), index % len(words)
    rest = (1 - likely) / 3
    total = 0.0
    for word in range(4):
        words[index] = word
        ngram = np.where(words == 0, likely, rest)
        total += mix_copies(words, ngram, 2)[index]
    assert total == pytest.approx(1)


@pytest.mark.parametrize("bars", LAGS_BARS)
def test_a_loop_of_any_period_is_copied(bars):
    rng = np.random.default_rng(bars)
    period = rng.integers(0, 512, bars * STEPS)
    words = np.tile(period, 4)
    likely = mix_copies(words, np.full(len(words), 1 / 512), STEPS)
    assert likely[: len(period)].max() < 2 / 512
    assert likely[2 * len(period) :].min() > 0.9


def test_what_never_repeats_costs_little_more_than_the_ngram():
    words = np.arange(16 * STEPS)
    mixed = mix_copies(words, np.full(len(words), 1 / 512), STEPS)
    bits = -np.log2(mixed) - 9
    # Every expert that repeats is weighed down once, by at most all of its weight.
    assert 0 < bits.sum() < 4 * len(LAGS_BARS)


def test_one_bar_has_no_bar_before_it():
    train = [words_of(3), words_of(4)]
    bits = baseline_bits(train, train, STEPS)
    assert bits["repeat_bar"] == pytest.approx(bits["position"])


@pytest.mark.parametrize(("train", "held_out"), [([], [words_of(1)]), ([words_of(1)], [])])
def test_a_side_without_loops_is_refused(train, held_out):
    with pytest.raises(ParameterError, match="at least one to train on and one held out"):
        baseline_bits(train, held_out, STEPS)


@pytest.mark.slow
def test_figures_of_grooves_published_split(shared):
    folder = shared / "data" / "groove"
    params = StandardizeParams(16, "roland_td11", "ignore", feel="keep")
    sides = {"train": [], "validation": [], "test": []}
    with (folder / "info.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            if row["time_signature"] == "4-4":
                loop = read_loop(folder / row["midi_filename"], params).loop
                sides[row["split"]].append(to_words(loop))
    bits = baseline_bits(sides["train"], sides["test"], 16)
    assert bits["ngram"] == pytest.approx(2.54, abs=0.01)
    assert bits["position"] == pytest.approx(3.52, abs=0.01)

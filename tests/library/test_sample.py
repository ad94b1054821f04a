"""Sampling: whole bars, the same loops in any company, and choices that follow the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapgen.codec import BAR, N_TARGETS, add_bars, to_onsets
from trapgen.errors import ParameterError
from trapgen.model import (
    Inputs,
    ModelSpec,
    Network,
    log_softmax,
    make_inputs,
    weight_shapes,
)
from trapgen.params import SampleParams
from trapgen.sample import Draft, Given, Ticket, choose, sample_words, to_loops
from trapgen.velocity import VelocityProfile

LOOKBACK = ModelSpec("lookback", 2, 12, 0.0, 2, 16)
PAPER = ModelSpec("paper", 2, 12, 0.0, 0, 16)
SPECS = pytest.mark.parametrize("spec", [LOOKBACK, PAPER], ids=lambda spec: spec.architecture)
COLD = 1e-6


def make_network(spec=LOOKBACK, seed=0, scale=0.5, **changes):
    """Random weights, or with `scale` 0 none; `changes` set single biases by token."""
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, scale, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    for name, values in changes.items():
        for at, value in values.items():
            weights[f"{name}/bias"][at] = value
    return Network(spec, weights)


def dense_chances(n=20_000):
    return (np.arange(n) + 0.5) / n


def choose_all(scores, params):
    """How often each target is chosen, over evenly spread chances."""
    chances = dense_chances()
    rows = np.tile(np.asarray(scores, np.float32), (len(chances), 1))
    return np.bincount(choose(rows, params, chances), minlength=len(scores)) / len(chances)


# One choice


def test_choices_follow_the_probabilities():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    np.testing.assert_allclose(choose_all(np.log(p), SampleParams()), p, atol=1e-3)
    np.testing.assert_allclose(choose_all(np.log(p) + 7, SampleParams()), p, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 0.8, 2.0, 50.0])
def test_temperature_divides_the_scores(temperature):
    p = np.array([0.5, 0.3, 0.15, 0.05])
    expected = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
    found = choose_all(np.log(p), SampleParams(temperature=temperature))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.01, [1, 0, 0, 0]),
        (0.49, [1, 0, 0, 0]),
        (0.51, [5 / 8, 3 / 8, 0, 0]),
        (0.79, [5 / 8, 3 / 8, 0, 0]),
        (0.81, [10 / 19, 6 / 19, 3 / 19, 0]),
        (0.96, [0.5, 0.3, 0.15, 0.05]),
    ],
)
def test_top_p_keeps_the_smallest_set(top_p, expected):
    found = choose_all(np.log([0.5, 0.3, 0.15, 0.05]), SampleParams(top_p=top_p))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@given(
    st.lists(st.floats(-6, 3, width=32), min_size=2, max_size=8),
    st.floats(0.05, 1.0),
    st.floats(0.3, 3.0),
)
def test_nothing_outside_the_smallest_set_is_chosen(scores, top_p, temperature):
    p = np.exp(np.array(scores) / temperature)
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    reached = np.cumsum(p[order])
    size = int(np.searchsorted(reached, top_p - 1e-5)) + 1
    slack = int(np.searchsorted(reached, top_p + 1e-5)) + 1
    found = choose_all(scores, SampleParams(top_p=top_p, temperature=temperature))
    kept = np.sort(p)[::-1]
    assert size <= np.count_nonzero(found > 0) + np.count_nonzero(p < 1e-4)
    assert np.count_nonzero(found > 0) <= slack
    assert p[found > 0].min() >= kept[min(slack, len(p)) - 1] * (1 - 1e-5)


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=9, unique=True),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([1e-2, 1e-6]),
)
def test_cold_choices_are_the_likeliest(scores, chance, temperature):
    params = SampleParams(temperature=temperature)
    chosen = choose(np.array([scores], np.float32), params, np.array([chance]))
    assert chosen.tolist() == [int(np.argmax(scores))]


@given(st.floats(0, 1, exclude_max=True), st.floats(0.01, 1), st.sampled_from([COLD, 1.0, 9.0]))
def test_what_is_forbidden_is_never_chosen(chance, top_p, temperature):
    scores = np.array([[-np.inf, 1, -np.inf, 1.5, -np.inf]], np.float32)
    params = SampleParams(top_p=top_p, temperature=temperature)
    assert choose(scores, params, np.array([chance]))[0] in (1, 3)


def test_rows_are_chosen_by_themselves():
    scores = np.log(np.array([[0.9, 0.1], [0.1, 0.9]], np.float32))
    assert choose(scores, SampleParams(), np.array([0.5, 0.5])).tolist() == [0, 1]
    assert choose(scores, SampleParams(), np.array([0.95, 0.95])).tolist() == [1, 0]


# Whole loops


@SPECS
@pytest.mark.parametrize("structure", ["enforced", "learned"])
def test_a_loop_does_not_depend_on_its_company(spec, structure):
    network = make_network(spec)
    drawn = {
        n: sample_words(network, SampleParams(n, 2, structure=structure), seed=3)
        for n in (1, 7, 40)
    }
    assert [len(found) for found in drawn.values()] == [1, 7, 40]
    for found in drawn.values():
        for one, other in zip(found, drawn[40], strict=False):
            np.testing.assert_array_equal(one.words, other.words)
            assert one.bar_lengths == other.bar_lengths
    assert len({draft.words.tobytes() for draft in drawn[40]}) == 40


@SPECS
@pytest.mark.parametrize("bars", [1, 3, 5])
def test_enforced_bars_are_full(spec, bars):
    # Even with a network that would do nothing but end bars.
    for network in (make_network(spec), make_network(spec, words={BAR: 50})):
        for draft in sample_words(network, SampleParams(9, bars), seed=0):
            assert draft.bar_lengths == (16,) * bars
            assert draft.words.shape == (16 * bars,)
            assert draft.words.min() >= 0
            assert draft.words.max() < 512


@SPECS
def test_a_network_that_only_ends_bars_is_filled_with_silence(spec):
    network = make_network(spec, scale=0, words={BAR: 50})
    (draft,) = sample_words(network, SampleParams(1, 3, structure="learned"), seed=0)
    assert draft.bar_lengths == (0, 0, 0)
    assert not draft.words.any()
    assert draft.words.shape == (48,)


@SPECS
def test_a_network_that_ends_no_bar_is_cut_off(spec):
    network = make_network(spec, scale=0, words={5: 50})
    (draft,) = sample_words(network, SampleParams(1, 2, structure="learned"), seed=0)
    assert draft.bar_lengths == (2 * 2 * 17, 0)
    assert draft.words.tolist() == [5] * 16 + [0] * 16


@SPECS
def test_learned_bars_are_cut_or_filled(spec):
    network = make_network(spec, scale=0, words={5: 50, BAR: 47.5})
    lengths = set()
    for draft in sample_words(network, SampleParams(40, 4, structure="learned"), seed=0):
        assert len(draft.bar_lengths) == 4
        bars = draft.words.reshape(4, 16)
        for length, bar in zip(draft.bar_lengths, bars, strict=True):
            assert bar.tolist() == [5] * min(length, 16) + [0] * (16 - min(length, 16))
        lengths.update(draft.bar_lengths)
    assert min(lengths) < 16 < max(lengths)


@SPECS
def test_the_seed_decides(spec):
    network, params = make_network(spec), SampleParams(5, 2)
    one, same, other = (sample_words(network, params, seed) for seed in (1, 1, 2))
    assert [x.words.tolist() for x in one] == [x.words.tolist() for x in same]
    assert [x.words.tolist() for x in one] != [x.words.tolist() for x in other]


def all_scores(network, tokens):
    """`(n_tokens, N_TARGETS)` of one loop, read from its beginning."""
    inputs, state = make_inputs(tokens[None], network.spec), network.start(1)
    scores = []
    for at in range(len(tokens)):
        now = Inputs(*(value[:, at : at + 1] for value in vars(inputs).values()))
        step, state = network.step(now, state)
        scores.append(log_softmax(step)[0])
    return np.array(scores)


@SPECS
@pytest.mark.parametrize("primed", [False, True])
def test_sampling_reads_as_scoring_does(spec, primed):
    network = make_network(spec, scale=1.0)
    primer = np.random.default_rng(0).integers(0, 512, 32) if primed else None
    params = SampleParams(2, 5, temperature=COLD)
    drafts = sample_words(network, params, seed=0, given=Given(primer))
    written = drafts[0].words
    np.testing.assert_array_equal(written, drafts[1].words)
    whole = written if primer is None else np.concatenate([primer, written])
    tokens = add_bars(whole, 16)
    scores = all_scores(network, tokens)
    scores[:, BAR] = -np.inf
    is_new = np.arange(len(tokens)) >= len(tokens) - 5 * 17
    is_word = is_new & (tokens != BAR)
    assert scores[is_word].argmax(axis=-1).tolist() == tokens[is_word].tolist()


def test_learned_structure_reads_as_scoring_does():
    # BAR is due where the place in the bar says so: then learned and enforced are the same.
    spec = LOOKBACK
    network = make_network(spec, scale=0.3)
    kernel = network.weights["voices/kernel"]
    kernel[spec.units :, -1] = -100
    kernel[-1, -1] = 100
    learned, enforced = (
        sample_words(network, SampleParams(6, 3, structure=structure), seed=0)
        for structure in ("learned", "enforced")
    )
    assert {draft.bar_lengths for draft in learned} == {(16, 16, 16)}
    assert [x.words[:16].tolist() for x in learned] == [x.words[:16].tolist() for x in enforced]


def test_a_primer_is_gone_on_from():
    # A network that repeats the bar before, and nothing else.
    network = make_network(scale=0, repeats={0: 60})
    primer = np.random.default_rng(0).integers(0, 512, 32)
    for draft in sample_words(network, SampleParams(3, 4), seed=0, given=Given(primer)):
        assert draft.words.reshape(4, 16).tolist() == [primer[16:].tolist()] * 4
    free = sample_words(network, SampleParams(3, 4), seed=0)
    for draft in free:
        bars = draft.words.reshape(4, 16)
        assert (bars == bars[0]).all()
    assert len({draft.words.tobytes() for draft in free}) == 3


def test_a_primer_two_bars_ago_is_heard():
    network = make_network(scale=0, repeats={1: 60})
    primer = np.random.default_rng(0).integers(0, 512, 32)
    (draft,) = sample_words(network, SampleParams(1, 4), seed=0, given=Given(primer))
    assert draft.words.tolist() == [*primer, *primer]


@pytest.mark.parametrize("n_steps", [0, 1, 15, 17])
def test_a_primer_is_whole_bars(n_steps):
    with pytest.raises(ParameterError, match=rf"whole bars of 16 steps .received {n_steps}"):
        sample_words(make_network(), SampleParams(), 0, Given(np.zeros(n_steps, np.int64)))


def test_drafts_become_loops():
    rng = np.random.default_rng(0)
    drafts = [Draft(rng.integers(0, 512, 32), (16, 16)), Draft(np.zeros(32, np.int64), (0, 0))]
    profile = VelocityProfile({}, {})
    loops = to_loops(drafts, profile, SampleParams(bpm=133), 16, seed=4)
    assert [loop.lineage.loop_id for loop in loops] == ["loop-4-01", "loop-4-02"]
    for draft, loop in zip(drafts, loops, strict=True):
        np.testing.assert_array_equal(loop.onsets, to_onsets(draft.words))
        assert (loop.bpm, loop.steps_per_bar) == (133, 16)
    assert to_loops(drafts, profile, SampleParams(bpm=133), 16, seed=4) == loops
    assert to_loops(drafts[:1], profile, SampleParams(bpm=133), 16, seed=4) == loops[:1]
    other = to_loops(drafts, profile, SampleParams(bpm=133), 16, seed=5)
    assert other[0].velocities.tolist() != loops[0].velocities.tolist()


def test_targets_are_words_and_bar():
    assert N_TARGETS == BAR + 1

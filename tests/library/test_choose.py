"""One choice: temperature, of words or of voices, top-k, top-p and min-p."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapgen.core import N_TARGETS, N_WORDS, ParameterError, SampleParams, to_onsets
from trapgen.generate.constraints.parse import read_temperatures
from trapgen.generate.token_sampling import sample_tokens, temper_voices
from trapgen.model import log_softmax

COLD = 1e-6


def dense_chances(n=20_000):
    return (np.arange(n) + 0.5) / n


def choose_all(scores, params):
    """How often each target is chosen, over evenly spread chances."""
    chances = dense_chances()
    rows = np.tile(np.asarray(scores, np.float32), (len(chances), 1))
    return np.bincount(sample_tokens(rows, params, chances), minlength=len(scores)) / len(chances)


def test_choices_follow_the_probabilities():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    np.testing.assert_allclose(choose_all(np.log(p), SampleParams(top_p=1)), p, atol=1e-3)
    np.testing.assert_allclose(choose_all(np.log(p) + 7, SampleParams(top_p=1)), p, atol=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 0.8, 2.0, 50.0])
def test_temperature_divides_the_scores(temperature):
    p = np.array([0.5, 0.3, 0.15, 0.05])
    expected = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
    found = choose_all(np.log(p), SampleParams(top_p=1, temperature=temperature))
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
    params = SampleParams(top_p=1, temperature=temperature)
    chosen = sample_tokens(np.array([scores], np.float32), params, np.array([chance]))
    assert chosen.tolist() == [int(np.argmax(scores))]


@given(st.floats(0, 1, exclude_max=True), st.floats(0.01, 1), st.sampled_from([COLD, 1.0, 9.0]))
def test_what_is_forbidden_is_never_chosen(chance, top_p, temperature):
    scores = np.array([[-np.inf, 1, -np.inf, 1.5, -np.inf]], np.float32)
    params = SampleParams(top_p=top_p, temperature=temperature)
    assert sample_tokens(scores, params, np.array([chance]))[0] in (1, 3)


def test_rows_are_chosen_by_themselves():
    scores = np.log(np.array([[0.9, 0.1], [0.1, 0.9]], np.float32))
    assert sample_tokens(scores, SampleParams(top_p=1), np.array([0.5, 0.5])).tolist() == [0, 1]
    assert sample_tokens(scores, SampleParams(top_p=1), np.array([0.95, 0.95])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("top_k", "expected"),
    [
        (0, [0.4, 0.3, 0.2, 0.1]),
        (1, [1, 0, 0, 0]),
        (3, [4 / 9, 3 / 9, 2 / 9, 0]),
        (9, [4, 3, 2, 1]),
    ],
)
def test_top_k_keeps_the_likeliest(top_k, expected):
    found = choose_all(np.log([0.4, 0.3, 0.2, 0.1]), SampleParams(top_p=1, top_k=top_k))
    np.testing.assert_allclose(found, np.array(expected) / np.sum(expected), atol=1e-3)


@pytest.mark.parametrize(
    ("min_p", "expected"),
    [(0.0, [4, 3, 2, 1]), (0.3, [4, 3, 2, 0]), (0.6, [4, 3, 0, 0]), (1.0, [1, 0, 0, 0])],
)
def test_min_p_is_a_share_of_the_likeliest(min_p, expected):
    found = choose_all(np.log([0.4, 0.3, 0.2, 0.1]), SampleParams(top_p=1, min_p=min_p))
    np.testing.assert_allclose(found, np.array(expected) / np.sum(expected), atol=1e-3)


def test_top_p_counts_what_top_k_left():
    found = choose_all(np.log([0.4, 0.3, 0.2, 0.1]), SampleParams(top_k=2, top_p=0.55))
    np.testing.assert_allclose(found, [1, 0, 0, 0], atol=1e-3)


# Temperatures of voices


def random_scores(seed, n=3):
    return np.random.default_rng(seed).normal(0, 2, (n, N_TARGETS)).astype(np.float32)


def chain_rule(p, temperatures, of_bar):
    """The definition, a word at a time: `(N_TARGETS,)` probabilities of one row."""
    onsets, words = to_onsets(np.arange(N_WORDS)), p[:N_WORDS]
    is_word = np.array([words.sum(), p[N_WORDS]]) ** (1 / of_bar)
    tempered = np.full(N_WORDS, is_word[0] / is_word.sum())
    for word in range(N_WORDS):
        same = np.ones(N_WORDS, bool)
        for voice, temperature in enumerate(temperatures):
            on = words[same & onsets[:, voice]].sum()
            off = words[same & ~onsets[:, voice]].sum()
            bits = np.array([off, on]) ** (1 / temperature)
            tempered[word] *= bits[int(onsets[word, voice])] / bits.sum()
            same &= onsets[:, voice] == onsets[word, voice]
    return np.append(tempered, is_word[1] / is_word.sum())


def test_voices_are_tempered_by_the_chain_rule():
    scores, temperatures = random_scores(0, 1), [0.5, 2, 1, 1.5, 0.7, 1, 3, 0.9, 1]
    p = np.exp(log_softmax(scores))[0].astype(np.float64)
    found = np.exp(temper_voices(scores, temperatures, 0.8))[0]
    np.testing.assert_allclose(found, chain_rule(p, temperatures, 0.8), rtol=1e-3, atol=1e-7)


@given(st.integers(0, 1000))
def test_temperatures_of_one_change_nothing(seed):
    scores = random_scores(seed)
    found = temper_voices(scores, [1.0] * 9, 1.0)
    np.testing.assert_allclose(found, log_softmax(scores), atol=1e-4)


@given(st.integers(0, 1000), st.lists(st.sampled_from([COLD, 0.5, 1, 4]), min_size=9, max_size=9))
def test_what_is_forbidden_stays_so_at_any_temperature(seed, temperatures):
    rng = np.random.default_rng(seed)
    scores = random_scores(seed)
    allowed = rng.random(scores.shape) < rng.choice([0.01, 0.5])
    allowed[:, rng.integers(N_TARGETS)] = True
    scores[~allowed] = -np.inf
    logs = temper_voices(scores, temperatures, 1.0)
    assert not np.isnan(logs).any()
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-4)
    assert not np.exp(logs)[~allowed].any()
    chosen = sample_tokens(scores, SampleParams(top_p=1), rng.random(len(scores)), temperatures)
    assert allowed[np.arange(len(scores)), chosen].all()


def test_a_cold_voice_plays_its_likeliest_and_leaves_the_others():
    scores = random_scores(1, 1)
    scores[:, N_WORDS] = -np.inf
    p = np.exp(log_softmax(scores))[0, :N_WORDS]
    kick = to_onsets(np.arange(N_WORDS))[:, 0]
    logs = temper_voices(scores, read_temperatures(["kick=0.000001"], 1.0), 1.0)
    found = np.exp(logs)[0, :N_WORDS]
    likeliest = kick == (p[kick].sum() > 0.5)
    np.testing.assert_allclose(found[likeliest], p[likeliest] / p[likeliest].sum(), rtol=1e-3)
    assert found[~likeliest].sum() < 1e-6


@pytest.mark.parametrize("text", ["kick", "kick=", "kick=0", "kick=inf", "kick=hot", "tuba=1"])
def test_a_voices_temperature_is_a_number_above_0(text):
    with pytest.raises(ParameterError, match=r"sample\.voice_temperatures"):
        read_temperatures([text], 1.0)


def test_voices_without_their_own_have_the_common_temperature():
    assert read_temperatures([], 0.7) == ()
    assert read_temperatures(["open-hat=1.5"], 0.7) == (0.7, 0.7, 0.7, 1.5, *[0.7] * 5)

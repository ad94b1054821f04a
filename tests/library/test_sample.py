"""Sampling: whole bars, the same loops in any company, and a primer that is gone on from."""

from __future__ import annotations

import numpy as np
import pytest

from tests.networks import (
    CONDITIONED,
    NEVER_COPIES,
    PLAIN,
    WIDE,
    copy_from,
    make_humanizer,
    make_network,
)
from tests.strategies import make_loop
from trapgen.core import (
    BAR,
    KICK,
    N_TARGETS,
    SNARE,
    ParameterError,
    SampleParams,
    add_bars,
    rotate,
    to_onsets,
)
from trapgen.generate import DecodedLoop, sample_words
from trapgen.generate.align_primer import match_primer
from trapgen.generate.prompt import Prompt
from trapgen.generate.render_loops import LoopSeed, to_loops
from trapgen.model import iterate_inputs, log_softmax
from trapgen.model.words.spec import N_BEAT_LAGS

SPECS = pytest.mark.parametrize("spec", [PLAIN, CONDITIONED], ids=["plain", "conditioned"])
COLD = 1e-6


STEERED = {
    "require": ("snare@3",),
    "density": ("kick=1-3", "closed_hat=4-"),
    "choke": True,
    "voice_temperatures": ("closed_hat=0.7",),
}


@SPECS
@pytest.mark.parametrize(
    "controls",
    [{}, {"structure": "learned"}, STEERED, {"vary": "x", "strength": 0.5}],
    ids=["enforced", "learned", "steered", "varied"],
)
def test_a_loop_is_the_same_in_any_batch(spec, controls):
    network = make_network(spec)
    theme = np.arange(32) if "vary" in controls else None
    drawn = {
        n: sample_words(network, SampleParams(n, 2, **controls), 3, Prompt(theme=theme))
        for n in (1, 7, 64)
    }
    assert [len(found) for found in drawn.values()] == [1, 7, 64]
    for found in drawn.values():
        for one, other in zip(found, drawn[64], strict=False):
            np.testing.assert_array_equal(one.words, other.words)
            assert one.bar_lengths == other.bar_lengths
    assert len({decoded.words.tobytes() for decoded in drawn[64]}) == 64


def test_a_loop_is_drawn_alone_by_its_seed():
    network, params = make_network(), SampleParams(40, 2, **STEERED)
    every = sample_words(network, params, seed=3)
    loop_seeds = [LoopSeed(33), LoopSeed(0), LoopSeed(5, attempt=1)]
    some = sample_words(network, params, seed=3, loop_seeds=loop_seeds)
    assert some[0].words.tolist() == every[33].words.tolist()
    assert some[1].words.tolist() == every[0].words.tolist()
    assert some[2].words.tolist() != every[5].words.tolist()
    alone = sample_words(network, params, seed=3, loop_seeds=loop_seeds[2:])
    assert alone[0].words.tolist() == some[2].words.tolist()
    both = sample_words(network, params, seed=3, loop_seeds=[LoopSeed(5), LoopSeed(5, 1)])
    assert both[0].words.tolist() == every[5].words.tolist()
    assert both[1].words.tolist() == some[2].words.tolist()


def test_a_wide_network_draws_the_same_in_any_number():
    network = make_network(WIDE, scale=0.1)
    drawn = {n: sample_words(network, SampleParams(loops=n, bars=2), seed=1) for n in (1, 7, 64)}
    for few in (drawn[1], drawn[7]):
        for one, other in zip(few, drawn[64], strict=False):
            np.testing.assert_array_equal(one.words, other.words)


@SPECS
@pytest.mark.parametrize("bars", [1, 3, 5])
def test_enforced_bars_are_full(spec, bars):
    # Even with a network that would do nothing but end bars.
    for network in (make_network(spec), make_network(spec, words={BAR: 50})):
        for decoded in sample_words(network, SampleParams(9, bars), seed=0):
            assert decoded.bar_lengths == (16,) * bars
            assert decoded.words.shape == (16 * bars,)
            assert decoded.words.min() >= 0
            assert decoded.words.max() < 512


@SPECS
def test_a_network_that_only_ends_bars_is_filled_with_silence(spec):
    network = make_network(spec, scale=0, words={BAR: 50})
    (decoded,) = sample_words(network, SampleParams(1, 3, structure="learned"), seed=0)
    assert decoded.bar_lengths == (0, 0, 0)
    assert not decoded.words.any()
    assert decoded.words.shape == (48,)


@SPECS
def test_a_network_that_ends_no_bar_is_cut_off(spec):
    network = make_network(spec, scale=0, words={5: 50})
    (decoded,) = sample_words(network, SampleParams(1, 2, structure="learned"), seed=0)
    assert decoded.bar_lengths == (2 * 2 * 17, 0)
    assert decoded.words.tolist() == [5] * 16 + [0] * 16


@SPECS
def test_learned_bars_are_cut_or_filled(spec):
    network = make_network(spec, scale=0, words={5: 50, BAR: 47.5})
    lengths = set()
    for decoded in sample_words(network, SampleParams(40, 4, structure="learned"), seed=0):
        assert len(decoded.bar_lengths) == 4
        bars = decoded.words.reshape(4, 16)
        for length, bar in zip(decoded.bar_lengths, bars, strict=True):
            assert bar.tolist() == [5] * min(length, 16) + [0] * (16 - min(length, 16))
        lengths.update(decoded.bar_lengths)
    assert min(lengths) < 16 < max(lengths)


@SPECS
def test_the_seed_decides(spec):
    network, params = make_network(spec), SampleParams(5, 2)
    one, same, other = (sample_words(network, params, seed) for seed in (1, 1, 2))
    assert [x.words.tolist() for x in one] == [x.words.tolist() for x in same]
    assert [x.words.tolist() for x in one] != [x.words.tolist() for x in other]


def all_scores(network, tokens):
    """`(n_tokens, N_TARGETS)` of one loop, read from its beginning."""
    state, scores = network.start(1), []
    for inputs in iterate_inputs(tokens[None], network.spec):
        step, state = network.step(inputs, state)
        scores.append(log_softmax(step)[0])
    return np.array(scores)


@SPECS
@pytest.mark.parametrize("primed", [False, True])
def test_sampling_reads_as_scoring_does(spec, primed):
    network = make_network(spec, scale=1.0)
    primer = np.random.default_rng(0).integers(0, 512, 32) if primed else None
    params = SampleParams(2, 5, temperature=COLD)
    decoded_loops = sample_words(network, params, seed=0, prompt=Prompt(primer))
    written = decoded_loops[0].words
    np.testing.assert_array_equal(written, decoded_loops[1].words)
    whole = written if primer is None else np.concatenate([primer, written])
    tokens = add_bars(whole, 16)
    scores = all_scores(network, tokens)
    scores[:, BAR] = -np.inf
    is_new = np.arange(len(tokens)) >= len(tokens) - 5 * 17
    is_word = is_new & (tokens != BAR)
    assert scores[is_word].argmax(axis=-1).tolist() == tokens[is_word].tolist()


def test_learned_structure_reads_as_scoring_does():
    # BAR is due where the place in the bar says so: then learned and enforced are the same.
    spec = PLAIN
    network = make_network(spec, scale=0.3)
    kernel = network.weights["voices/kernel"]
    place = slice(spec.units, spec.units + 17)
    kernel[place, -1] = np.where(np.arange(17) == 16, 100, -100)
    learned, enforced = (
        sample_words(network, SampleParams(6, 3, structure=structure), seed=0)
        for structure in ("learned", "enforced")
    )
    assert {decoded.bar_lengths for decoded in learned} == {(16, 16, 16)}
    assert [x.words[:16].tolist() for x in learned] == [x.words[:16].tolist() for x in enforced]


def test_loops_continue_their_primer():
    # A network that repeats the bar before, and nothing else.
    network = copy_from(make_network(scale=0), N_BEAT_LAGS)
    primer = np.random.default_rng(0).integers(0, 512, 32)
    for decoded in sample_words(network, SampleParams(3, 4), seed=0, prompt=Prompt(primer)):
        assert decoded.words.reshape(4, 16).tolist() == [primer[16:].tolist()] * 4
    free = sample_words(network, SampleParams(3, 4), seed=0)
    for decoded in free:
        bars = decoded.words.reshape(4, 16)
        assert (bars == bars[0]).all()
    assert len({decoded.words.tobytes() for decoded in free}) == 3


def test_a_primer_two_bars_ago_changes_the_draw():
    network = copy_from(make_network(scale=0), N_BEAT_LAGS + 1)
    primer = np.random.default_rng(0).integers(0, 512, 32)
    (decoded,) = sample_words(network, SampleParams(1, 4), seed=0, prompt=Prompt(primer))
    assert decoded.words.tolist() == [*primer, *primer]


@pytest.mark.parametrize("n_steps", [0, 1, 15, 17])
def test_a_primer_is_whole_bars(n_steps):
    with pytest.raises(ParameterError, match=rf"whole bars of 16 steps .received {n_steps}"):
        sample_words(make_network(), SampleParams(), 0, Prompt(np.zeros(n_steps, np.int64)))


@pytest.mark.parametrize("beats", [0, 1, 2, 3])
@pytest.mark.parametrize("n_bars", [1, 2])
def test_the_bar_line_of_a_primer_is_found(beats, n_bars):
    # A network that knows nothing but that kicks come where a bar begins.
    network = make_network(scale=0, voices={KICK: -6}, copy=NEVER_COPIES)
    network.weights["voices/kernel"][PLAIN.units, KICK] = 12
    hits = [(16 * bar, KICK) for bar in range(n_bars)] + [(8, SNARE)]
    straight = make_loop(*hits, bars=n_bars)
    # What was cut off `beats` too late has its bar line so many beats before the next bar.
    cut_off = rotate(straight, -4 * beats)
    assert match_primer(network, cut_off) == beats
    again = rotate(cut_off, 4 * match_primer(network, cut_off))
    assert (again.onsets == straight.onsets).all()


def test_a_primer_that_fits_every_way_is_left_as_it_is():
    network = make_network(scale=0, copy=NEVER_COPIES)
    assert match_primer(network, make_loop((4, KICK))) == 0
    assert match_primer(network, make_loop()) == 0


def test_drafts_become_loops():
    rng = np.random.default_rng(0)
    decoded_loops = [
        DecodedLoop(rng.integers(0, 512, 32), (16, 16)),
        DecodedLoop(np.zeros(32, np.int64), (0, 0)),
    ]
    humanizer = make_humanizer()
    loops = to_loops(decoded_loops, humanizer, SampleParams(bpm=133), seed=4)
    for decoded, loop in zip(decoded_loops, loops, strict=True):
        np.testing.assert_array_equal(loop.onsets, to_onsets(decoded.words))
        assert (loop.bpm, loop.steps_per_bar) == (133, 16)
    assert to_loops(decoded_loops, humanizer, SampleParams(bpm=133), seed=4) == loops
    assert to_loops(decoded_loops[:1], humanizer, SampleParams(bpm=133), seed=4) == loops[:1]
    other = to_loops(decoded_loops, humanizer, SampleParams(bpm=133), seed=5)
    assert other[0].velocities.tolist() != loops[0].velocities.tolist()


def test_targets_are_words_and_bar():
    assert N_TARGETS == BAR + 1


def test_conditions_change_the_draw():
    network = make_network(CONDITIONED, scale=1.0)
    params = SampleParams(3, 2)
    unknown = sample_words(network, params, 0)
    beats, fills = (
        sample_words(network, params, 0, condition=np.array([0, 0, 0, kind])) for kind in (1, 2)
    )
    nothing = sample_words(network, params, 0, condition=np.zeros(4, np.int64))
    drawn = [
        [decoded.words.tolist() for decoded in decoded_loops]
        for decoded_loops in (unknown, beats, fills)
    ]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
    assert [decoded.words.tolist() for decoded in nothing] == drawn[0]

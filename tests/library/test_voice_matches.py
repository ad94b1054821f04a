"""Lanes in common: all of them are found, and what anybody plays is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.audit.common_patterns import CommonPatterns
from trapgen.audit.voice_matches import find_voice_matches, place_voice
from trapgen.core import CLOSED_HAT, KICK, SNARE, DrumLoop, Lineage, repeat_to, rotate
from trapgen.similarity import lay_over


def goes_round(target, query, beats, beat):
    """Whether the query's steps are the target's from a beat on, going round."""
    at = (np.arange(len(query)) + beats * beat) % len(target)
    return np.array_equal(target[at], query)


def expect_lanes(loops, same_voice_only=True):
    """Every lane in common by trying all beats: `(query, target, voice)` and the first beat."""
    found = {}
    beat = loops[0].steps_per_bar // 4
    for at, query in enumerate(loops):
        for other, target in enumerate(loops):
            for voice in np.flatnonzero(query.onsets.any(axis=0)).tolist():
                if at == other or not target.onsets[:, voice].any():
                    continue
                for beats in range(4 * target.n_bars):
                    voice_matches = target.onsets[:, voice], query.onsets[:, voice]
                    if goes_round(*voice_matches, beats, beat):
                        found.setdefault((at, other, voice), beats)
    return found


@given(
    st.lists(
        drum_loops(steps_per_bar=16, max_hits=6, voices=(0, 1), max_bars=6), min_size=2, max_size=5
    )
)
def test_all_voices_in_common_are_found(loops):
    # Nothing is common pattern here: more bits than 0 are enough.
    chance = CommonPatterns([random_loop(np.random.default_rng(0), 1)])
    voice_matches = find_voice_matches(loops, chance, 1.0)
    same = voice_matches.take(voice_matches.query_voice == voice_matches.target_voice)
    found = {
        (query, target, voice): beats
        for query, target, voice, beats in zip(
            *(x.tolist() for x in (same.query, same.target, same.query_voice, same.beats)),
            strict=True,
        )
    }
    expected = expect_lanes(loops)
    # A lane in a much longer loop has places enough to meet by chance.
    assert found.items() <= expected.items()
    bound = {key for key in expected if loops[key[1]].n_bars <= loops[key[0]].n_bars}
    assert bound <= set(found)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda loop: loop, id="as it is"),
        pytest.param(lambda loop: rotate(loop, 12), id="turned by beats"),
        pytest.param(lambda loop: repeat_to(loop, 8), id="twice as long"),
        pytest.param(lambda loop: repeat_to(loop, 6), id="cut"),
        pytest.param(lambda loop: repeat_to(rotate(loop, 20), 2), id="an excerpt"),
        pytest.param(lambda loop: repeat_to(rotate(loop, 60), 1), id="an excerpt round the end"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_copied_voice_is_found_and_aligned(make, swapped):
    rng = np.random.default_rng(3)
    loop = random_loop(rng, 4, density=0.4)
    taken = make(loop)
    home = np.array(random_loop(rng, taken.n_bars, density=0.3).velocities)
    home[:, SNARE] = taken.velocities[:, SNARE]
    others = [random_loop(rng, 4) for _ in range(20)]
    loops = [loop, DrumLoop(home, 16), *others]
    voice_matches = find_voice_matches(loops, CommonPatterns([loop, *others]), 0.004)
    of_both = voice_matches.take((voice_matches.query < 2) & (voice_matches.target < 2))
    assert set(of_both.query_voice.tolist()) == {SNARE}
    voice_matches = of_both
    for query, target, beats in zip(
        voice_matches.query, voice_matches.target, voice_matches.beats.tolist(), strict=True
    ):
        target_is_left = bool(target) == swapped
        ends = (target, query) if target_is_left else (query, target)
        left, right = loops[ends[0]], loops[ends[1]]
        place = place_voice(loops[target], loops[query], beats, target_is_left=target_is_left)
        ours, theirs = lay_over(left, right, place)
        assert np.array_equal(ours.onsets[:, SNARE], theirs.onsets[:, SNARE])
        assert ours.onsets[:, SNARE].any()


def test_a_voice_copied_to_another_is_found_unless_common():
    rng = np.random.default_rng(0)
    loop = random_loop(rng, 4, density=0.3)
    moved = np.zeros_like(loop.velocities)
    moved[:, CLOSED_HAT] = loop.velocities[:, KICK]
    voice_matches = find_voice_matches([loop, DrumLoop(moved, 16)], CommonPatterns([loop]), 0.004)
    pairs = zip(
        voice_matches.query_voice.tolist(), voice_matches.target_voice.tolist(), strict=True
    )
    assert set(pairs) == {(KICK, CLOSED_HAT), (CLOSED_HAT, KICK)}
    assert voice_matches.bits.min() > 20


def test_a_pattern_of_many_loops_is_common():
    rng = np.random.default_rng(0)
    beat = [(step, SNARE) for step in (8,)]
    loops = [
        replace(
            make_loop(*beat, *((int(at), KICK) for at in rng.choice(16, 5, replace=False))),
            lineage=Lineage(f"{n}", (f"{n}",)),
        )
        for n in range(40)
    ]
    chance = CommonPatterns(loops)
    snare, kick = (loops[0].onsets[:, voice].reshape(1, 16) for voice in (SNARE, KICK))
    assert chance.bits_of_bars(SNARE, snare)[0] < 0.1
    assert chance.bits_of_bars(KICK, kick)[0] > 8
    assert not (find_voice_matches(loops, chance, 0.004).query_voice == SNARE).any()


def test_children_of_one_source_count_once():
    rng = np.random.default_rng(0)
    pattern = random_loop(rng, 1, density=0.4).velocities[:, KICK]
    loops = []
    for n in range(30):
        velocities = np.array(random_loop(rng, 1).velocities)
        if n < 15:
            velocities[:, KICK] = pattern
        sources = (f"{n}", "the kick") if n < 15 else (f"{n}",)
        loops.append(DrumLoop(velocities, 16, lineage=Lineage(f"{n}", sources)))
    bars = (pattern > 0).reshape(1, 16)
    known = CommonPatterns(loops).bits_of_bars(KICK, bars)[0]
    strangers = [replace(loop, lineage=Lineage("", (f"{n}",))) for n, loop in enumerate(loops)]
    unknown = CommonPatterns(strangers).bits_of_bars(KICK, bars)[0]
    assert unknown < 1.5 < 5 < known

"""Loops from outside: their facts, and whether a classifier tells ours from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    N_VOICES,
    SNARE,
    STEPS_PER_BAR,
    DrumLoop,
    StandardizeParams,
)
from trapgen.evaluate.metrics.facts import count_facts
from trapgen.evaluate.metrics.two_sample import KICK_AND_SNARE, two_sample_test
from trapgen.evaluate.outside import count_different_bars
from trapgen.ingest import read_collection


def loop_of(hits: dict[int, list[int]], bars: int = 2, grid: int = 96) -> DrumLoop:
    velocities = np.zeros((bars * grid, N_VOICES), np.uint8)
    for voice, steps in hits.items():
        velocities[steps, voice] = 100
    return DrumLoop(velocities, grid)


def test_facts_of_a_bar_that_can_be_counted():
    # A quarter is 24 steps.
    hats = [0, 1, 3, 4, 24, 32, 40, 48, 60]
    loop = loop_of({KICK: [0, 18, 60], SNARE: [48, 144], CLOSED_HAT: hats})
    facts = count_facts([loop])
    assert facts["kicks"] == 1.5
    assert (facts["kick_on_1_odd"], facts["kick_on_1_even"]) == (1, 0)
    assert facts["kicks_on_odd_16ths"] == pytest.approx(1 / 3)
    assert (facts["snares"], facts["snares_on_3"]) == (1, 1)
    assert facts["hats"] == 4.5
    assert facts["fast_hits"] == pytest.approx(4 / 14)
    # Gaps of 1, 2, 1, 20, 8, 8, 8 and 12 steps: all but 20 and 12 are triplets.
    assert facts["triplet_gaps"] == pytest.approx(6 / 8)


@given(st.sampled_from(STEPS_PER_BAR))
def test_facts_are_those_of_double_tempo_where_snares_say_so(grid):
    quarter = grid // 4
    half = loop_of({KICK: [0], SNARE: [quarter, 3 * quarter]}, bars=1, grid=grid)
    facts = count_facts([half])
    assert (facts["kicks"], facts["snares"], facts["snares_on_3"]) == (0.5, 1, 1)
    assert (facts["kick_on_1_odd"], facts["kick_on_1_even"]) == (1, 0)


@given(st.lists(drum_loops(), max_size=3))
def test_facts_of_any_loops_are_shares_and_counts(loops):
    facts = count_facts(loops)
    densities = {"kicks", "snares", "hats", "open_hats"}
    assert all(0 <= facts[name] <= 1 for name in facts.keys() - densities)
    assert all(facts[name] >= 0 for name in densities)


def test_facts_of_loops_by_hand(shared):
    """Nearly the figures that `trap_facts.py` counts without a grid on the same files."""
    params = StandardizeParams(96, "gm")
    facts = count_facts(read_collection(shared / "data" / "by-hand", params)[0])
    assert facts["kicks"] == pytest.approx(3.9, abs=0.06)
    assert facts["kick_on_1_even"] == pytest.approx(0.55, abs=0.01)
    assert facts["snares_on_3"] == pytest.approx(0.725, abs=0.01)
    assert facts["fast_hits"] == pytest.approx(0.108, abs=0.02)


def make_set(rng: np.random.Generator, kicks: list[int], n: int) -> list[DrumLoop]:
    """Loops whose kicks fall on some of the given steps, and whose snares fall anywhere."""
    return [
        loop_of(
            {
                KICK: [step for step in kicks if rng.random() < 0.7],
                SNARE: rng.choice(64, 4, replace=False).tolist(),
            },
            bars=4,
            grid=16,
        )
        for _ in range(n)
    ]


def test_a_classifier_knows_no_difference_where_there_is_none():
    rng = np.random.default_rng(0)
    one, other = (make_set(rng, list(range(0, 64, 4)), 40) for _ in range(2))
    found = two_sample_test(one, other, 0)
    assert found["low"] < 0.5 < found["high"]
    assert found == two_sample_test(one, other, 0)


def test_a_classifier_finds_a_difference_and_its_feature():
    rng = np.random.default_rng(1)
    one, other = (make_set(rng, list(range(first, 64, 4)), 20) for first in (0, 3))
    found = two_sample_test(one, other, 0)
    assert found["auc"] > 0.95
    assert found["low"] > 0.8
    assert "kick_syncopation" in found["features"]
    assert found["features"]["kick_syncopation"] < 0.2
    only = two_sample_test(one, other, 0, KICK_AND_SNARE)
    assert set(only["features"]) <= set(KICK_AND_SNARE)


def test_too_few_files_are_not_told_apart():
    loops = make_set(np.random.default_rng(2), [0, 8], 12)
    assert two_sample_test(loops[:8], loops[8:], 0) is None


def test_different_bars_are_counted_without_silence():
    one = loop_of({KICK: [0]}, bars=3)
    other = loop_of({KICK: [0, 96], SNARE: [48]}, bars=2)
    assert count_different_bars([one, other, other]) == 2

"""How much independent material there is: what lineage says, and what the loops say themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import make_loop, random_loop
from trapgen.audit.sources import effective_number, effective_parts, effective_sources
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    SNARE,
    DrumLoop,
    Lineage,
    SplitParams,
    StandardizeParams,
    repeat_to,
)
from trapgen.dataset.split import deal_loops
from trapgen.ingest import read_folder


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12))
def test_the_effective_number_is_the_inverse_simpson_index(uses):
    found = effective_number(np.array(uses))
    assert found == pytest.approx(1 / sum((n / sum(uses)) ** 2 for n in uses))
    assert 1 - 1e-9 <= found <= len(uses) + 1e-9


def test_effective_sources_by_hand():
    rng = np.random.default_rng(0)
    loops = [
        replace(random_loop(rng, density=0.4), lineage=Lineage("x", sources))
        for sources in (("a", "b"), ("a", "c"))
    ]
    assert effective_sources(loops) == pytest.approx(16 / 6)
    assert effective_sources([]) == 0


def recombine(rng, n_loops, n_kicks, n_snares, n_hats, n_bars=2):
    """Loops without lineage, each of one of so many kicks, snares and hats."""
    pool = {
        voice: [random_loop(rng, n_bars, density=0.3).velocities[:, voice] for _ in range(n)]
        for voice, n in ((KICK, n_kicks), (SNARE, n_snares), (CLOSED_HAT, n_hats))
    }
    loops = []
    for at in range(n_loops):
        velocities = np.zeros((16 * n_bars, 9), np.uint8)
        for voice, voice_matches in pool.items():
            velocities[:, voice] = voice_matches[rng.integers(len(voice_matches))]
        loops.append(DrumLoop(velocities, 16, lineage=Lineage(f"{at}", (f"{at}",))))
    return loops


def test_the_pool_behind_recombined_loops_is_found():
    loops = recombine(np.random.default_rng(0), 300, 5, 3, 4)
    parts = effective_parts(loops, 0.1)
    assert parts.keys() == {"kick", "snare", "closed_hat"}
    for name, n_pool in (("kick", 5), ("snare", 3), ("closed_hat", 4)):
        assert n_pool - 0.3 < parts[name] <= n_pool
    assert effective_sources(loops, 0.1) == pytest.approx(sum(parts.values()))
    assert effective_sources(loops[:0], 0.1) == 0


def test_near_duplicate_voices_count_as_one_part():
    steps = range(0, 16, 2)
    loops = [make_loop(*((step, KICK) for step in steps if step != gone)) for gone in (0, 2, None)]
    assert effective_parts(loops, 0.0)["kick"] == pytest.approx(3)
    assert effective_parts(loops, 0.2)["kick"] == 1


def test_lanes_are_compared_over_the_same_length():
    loop = make_loop((0, KICK), (3, KICK))
    assert effective_parts([loop, repeat_to(loop, 3), repeat_to(loop, 20)], 0.0) == {"kick": 1}


def test_windows_of_a_loop_are_put_together_again():
    rng = np.random.default_rng(0)
    loops = recombine(rng, 60, 4, 3, 5, n_bars=4)
    dealt = deal_loops(loops, SplitParams("random_windows"), rng)
    windows = [loop for _, loop in dealt]
    assert len(windows) == 240
    assert effective_parts(windows, 0.1) == effective_parts(loops, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("steps_per_bar", [16, 32])
def test_the_originals_pool_is_found_in_its_500_loops(shared, steps_per_bar):
    params = StandardizeParams(steps_per_bar, feel="keep")
    loops = [found.loop for found in read_folder(shared / "data/trap-loops/combined", params)]
    assert len(loops) == 500
    parts = effective_parts(loops, 0.1)
    # 10 kicks and 4 snares are in the pool; 12 hats, some of them the same on the grid.
    assert parts["kick"] == pytest.approx(10, abs=0.2)
    assert parts["snare"] == pytest.approx(4, abs=0.1)
    assert parts["closed_hat"] <= 12
    assert effective_sources(loops, 0.1) <= 26

"""The split: whatever the seed, no source and no near-duplicate stands on two sides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import random_loop
from trapgen.core import SIDES, Lineage, SplitError, SplitParams, rotate
from trapgen.dataset import find_components, split_sources
from trapgen.dataset.split import POOL, deal_loops, share_of
from trapgen.similarity import find_pairs

SEEDS = st.integers(0, 2**32 - 1)


def make_corpus(**counts):
    """Loops of random hits, `counts` of each role, each its own source."""
    rng = np.random.default_rng(0)
    return [
        replace(
            random_loop(rng, 1),
            lineage=Lineage(f"{role}-{at}", source_ids=(f"{role}{at}",), role=role),
        )
        for role, count in counts.items()
        for at in range(count)
    ]


def split(loops, params, seed, components=None):
    return split_sources(loops, params, np.random.default_rng(seed), components)


@settings(max_examples=20)
@given(SEEDS)
def test_no_source_stands_on_two_sides(corpus, components, seed):
    sides = split(corpus, SplitParams(), seed, components)
    sources = {
        side: {s for loop, at in zip(corpus, sides, strict=True) if at == side
               for s in loop.lineage.source_ids}
        for side in SIDES
    }  # fmt: skip
    assert sum(map(len, sources.values())) == len(set.union(*sources.values()))
    for component in np.unique(components):
        assert len({sides[at] for at in np.flatnonzero(components == component)}) == 1


@settings(max_examples=20)
@given(SEEDS)
def test_no_near_duplicate_stands_on_two_sides(seed):
    rng = np.random.default_rng(seed)
    loops = make_corpus(kick=8, snare=8, hat=8)
    copies = []
    for at in rng.integers(len(loops), size=10):
        velocities = np.array(loops[at].velocities)
        hits = np.argwhere(velocities)
        velocities[tuple(hits[rng.integers(len(hits))])] = 0
        copy = rotate(replace(loops[at], velocities=velocities), 4 * int(rng.integers(4)))
        copies.append(replace(copy, lineage=replace(copy.lineage, source_ids=(f"c{len(copies)}",))))
    loops += copies
    params = SplitParams()
    sides = split(loops, params, seed)
    across = [
        pair
        for pair in find_pairs(loops, loops, params.near_duplicate_distance)
        if sides[pair.left] != sides[pair.right]
    ]
    assert across == []
    assert set(sides) == set(SIDES)


@settings(max_examples=20)
@given(SEEDS)
def test_shares_are_kept_within_each_role(corpus, components, seed):
    params = SplitParams(validation_share=0.2, test_share=0.15)
    sides = split(corpus, params, seed, components)
    counts = Counter((loop.lineage.role, at) for loop, at in zip(corpus, sides, strict=True))
    for role in {loop.lineage.role for loop in corpus}:
        n_loops = sum(counts[role, side] for side in SIDES)
        for side in SIDES:
            # Every source of the starter corpus is independent: only rounding is left.
            assert abs(counts[role, side] - share_of(side, params) * n_loops) <= 1.0, (role, side)


def test_what_is_not_held_out_is_trained_on():
    params = SplitParams(validation_share=0.3, test_share=0.2)
    assert [share_of(side, params) for side in SIDES] == pytest.approx([0.5, 0.3, 0.2])


def test_the_seed_decides():
    loops = make_corpus(kick=9, snare=9, hat=9)
    assert split(loops, SplitParams(), 1) == split(loops, SplitParams(), 1)
    assert len({tuple(split(loops, SplitParams(), seed)) for seed in range(5)}) == 5


def test_components_can_be_brought_along():
    loops = make_corpus(kick=5, snare=5, hat=5)
    components = find_components(loops, SplitParams())
    assert split(loops, SplitParams(), 0, components) == split(loops, SplitParams(), 0)
    assert components.tolist() == list(range(15))


def test_loops_that_share_a_source_stay_together():
    loops = make_corpus(kick=9, snare=9, hat=9)
    loops[1] = replace(loops[1], lineage=replace(loops[1].lineage, source_ids=("kick0", "kick2")))
    for seed in range(10):
        assert len(set(split(loops, SplitParams(), seed)[:3])) == 1


@pytest.mark.parametrize(
    "counts",
    [{"kick": 3, "snare": 3, "hat": 3}, {"full": 3}, {"kick": 3, "full": 3, "perc": 1}],
    ids=str,
)
@pytest.mark.parametrize("shares", [(0.2, 0.15), (0.5, 0.15), (0.05, 0.9)], ids=str)
def test_three_sources_of_a_role_are_enough(counts, shares):
    loops = make_corpus(**counts)
    params = SplitParams("by_source", *shares)
    for seed in range(5):
        assert set(split(loops, params, seed)) == set(SIDES)


@pytest.mark.parametrize(
    ("counts", "received"),
    [
        ({"kick": 3, "snare": 2, "hat": 3}, "3 independent kick, 2 independent snare"),
        ({"full": 2}, "2 independent full"),
        ({"kick": 30, "hat": 30}, "0 independent snare"),
        ({"perc": 9}, "0 independent kick"),
    ],
    ids=str,
)
def test_too_few_sources_are_refused(counts, received):
    with pytest.raises(SplitError, match="too_few_sources") as caught:
        split(make_corpus(**counts), SplitParams(), 0)
    assert received in caught.value.received
    assert "add 3 of each part, or 3 full loops" in caught.value.detail
    assert caught.value.exit_code == 3


def test_near_duplicates_do_not_count_as_sources():
    loops = make_corpus(full=9)
    same = [replace(loops[at % 2], lineage=loops[at].lineage) for at in range(9)]
    with pytest.raises(SplitError, match="2 independent full"):
        split(same, SplitParams(), 0)


def test_a_side_with_share_zero_gets_no_loops():
    loops = make_corpus(kick=3, snare=2, hat=3)
    sides = split(loops, SplitParams(test_share=0.0), 0)
    assert set(sides) == {"train", "validation"}
    assert set(split(loops, SplitParams(validation_share=0, test_share=0), 0)) == {"train"}


@pytest.mark.parametrize("protocol", ["by_file", "random_windows"])
def test_the_original_protocols_deal_later(protocol):
    loops = make_corpus(full=2)
    assert split(loops, SplitParams(protocol=protocol), 0) == [POOL, POOL]


def test_files_are_dealt_at_random():
    loops = make_corpus(full=400)
    params = SplitParams("by_file", validation_share=0.2, test_share=0.1)
    dealt = deal_loops(loops, params, np.random.default_rng(0))
    assert [loop for _, loop in dealt] == loops
    counts = Counter(side for side, _ in dealt)
    assert counts["validation"] == pytest.approx(80, abs=25)
    assert counts["test"] == pytest.approx(40, abs=20)
    assert deal_loops(loops, params, np.random.default_rng(0)) == dealt


def test_windows_are_bars():
    loops = [
        replace(
            random_loop(np.random.default_rng(at), 3), lineage=Lineage(f"loop-{at}", (f"{at}",))
        )
        for at in range(4)
    ]
    dealt = deal_loops(loops, SplitParams("random_windows"), np.random.default_rng(0))
    assert {loop.n_bars for _, loop in dealt} == {1}
    assert [loop.lineage.loop_id for _, loop in dealt[:4]] == [
        "loop-0.bar1", "loop-0.bar2", "loop-0.bar3", "loop-1.bar1",
    ]  # fmt: skip
    whole = np.concatenate([loop.velocities for _, loop in dealt])
    np.testing.assert_array_equal(whole, np.concatenate([loop.velocities for loop in loops]))
    assert all(loop.lineage.parents == (f"loop-{at // 3}",) for at, (_, loop) in enumerate(dealt))
    assert all(loop.lineage.source_ids == (str(at // 3),) for at, (_, loop) in enumerate(dealt))

"""Recombination: children stay on their parents' side, and their recipes make them again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import grids, make_loop, random_loop
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    OPEN_HAT,
    RIDE,
    SIDES,
    SNARE,
    AugmentParams,
    DrumLoop,
    Lineage,
    SplitError,
    SplitParams,
    TableError,
    read_loops,
    repeat_to,
    rotate,
)
from trapgen.dataset import augment_sides, split_sources, write_augmented
from trapgen.dataset.augment import apply_recipe, keep_full, recombine, vary

FEW = AugmentParams(train_loops=60, validation_loops=15, test_loops=9)
PLAIN = AugmentParams(rotate_probability=0, vary_probability=0)
HATS = [CLOSED_HAT, OPEN_HAT, RIDE]


def name(loop, loop_id, role, **lineage):
    return replace(loop, lineage=Lineage(loop_id, (f"source of {loop_id}",), role=role, **lineage))


KICK_LOOP = name(make_loop((0, KICK), (10, KICK), bpm=150.0), "k", "kick", pack="A", style="drill")
SNARE_LOOP = name(make_loop((8, SNARE), bars=2, bpm=90.0), "s", "snare", pack="B", style="drill")
HAT_LOOP = name(make_loop((0, CLOSED_HAT), (4, OPEN_HAT), bars=3), "h", "hat", pack="A")
PARTS = [KICK_LOOP, SNARE_LOOP, HAT_LOOP]


def augment(corpus, components, params, seed, split=None):
    split, rng = split or SplitParams(), np.random.default_rng(seed)
    sides = split_sources(corpus, split, rng, components)
    return sides, augment_sides(corpus, sides, params, split, rng)


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1))
def test_children_stay_on_their_parents_side(corpus, components, seed):
    sides, made = augment(corpus, components, FEW, seed)
    side_of = {
        source: side
        for loop, side in zip(corpus, sides, strict=True)
        for source in loop.lineage.source_ids
    }
    for side, loop in made:
        assert {side_of[source] for source in loop.lineage.source_ids} == {side}
    n_full = Counter(
        side for loop, side in zip(corpus, sides, strict=True) if loop.lineage.role == "full"
    )
    counts = Counter(side for side, _ in made)
    assert {side: counts[side] - n_full[side] for side in SIDES} == {
        "train": FEW.train_loops,
        "validation": FEW.validation_loops,
        "test": FEW.test_loops,
    }
    ids = [loop.lineage.loop_id for _, loop in made]
    assert len(set(ids)) == len(ids)


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1))
def test_a_recipe_makes_its_loop_again(corpus, components, seed):
    _, made = augment(corpus, components, FEW, seed)
    parents = {loop.lineage.loop_id: loop for loop in corpus}
    recipes = [json.loads(loop.lineage.recipe or "null") for _, loop in made]
    for (_, loop), recipe in zip(made, recipes, strict=True):
        if recipe is None:
            parent = parents[loop.lineage.loop_id]
            assert loop == repeat_to(parent, max(4, parent.n_bars))
            continue
        assert apply_recipe(recipe, parents, loop.lineage.loop_id) == loop
        assert loop.lineage.parents == tuple(part["parent"] for part in recipe["parts"])
        assert loop.n_bars == 4
    assert {recipe["vary"] is None for recipe in recipes if recipe} == {True, False}


def test_the_seed_decides(corpus, components):
    _, one = augment(corpus, components, FEW, 1)
    _, same = augment(corpus, components, FEW, 1)
    _, other = augment(corpus, components, FEW, 2)
    assert one == same
    assert one != other


@pytest.mark.parametrize("protocol", ["by_file", "random_windows"])
def test_the_original_protocols_mix_sources(corpus, components, protocol):
    _, made = augment(corpus, components, FEW, 0, SplitParams(protocol))
    sources = {
        side: {s for at, loop in made if at == side for s in loop.lineage.source_ids}
        for side in SIDES
    }
    assert sources["train"] & sources["validation"]
    n_full = sum(loop.lineage.role == "full" for loop in corpus)
    n_loops = n_full + 60 + 15 + 9
    assert len(made) == (n_loops if protocol == "by_file" else 4 * n_loops)


def test_a_child_has_its_parents_parts():
    (child,) = recombine(PARTS, 1, PLAIN, np.random.default_rng(0), prefix="train")
    expected = np.zeros((64, 9), np.uint8)
    for parent in PARTS:
        expected = np.maximum(expected, repeat_to(parent, 4).velocities)
    np.testing.assert_array_equal(child.velocities, expected)
    assert child.bpm == 150.0
    assert child.lineage == Lineage(
        loop_id="train/00000",
        source_ids=("source of h", "source of k", "source of s"),
        pack="A,B",
        role="full",
        style="",
        parents=("k", "s", "h"),
        recipe=json.dumps(
            {
                "bars": 4,
                "parts": [
                    {"parent": "k", "role": "kick", "rotate_bars": 0},
                    {"parent": "s", "role": "snare", "rotate_bars": 0},
                    {"parent": "h", "role": "hat", "rotate_bars": 0},
                ],
                "vary": None,
            }
        ),
    )


def test_a_part_may_start_on_a_later_bar():
    always = AugmentParams(rotate_probability=1, vary_probability=0)
    two_bars = name(rotate(make_loop((0, SNARE), bars=2), 16), "s2", "snare")
    children = recombine([KICK_LOOP, two_bars, HAT_LOOP], 40, always, np.random.default_rng(0))
    starts = Counter(int(child.onsets[:, SNARE].argmax()) for child in children)
    assert set(starts) == {0, 16}
    assert {int(child.onsets[:, KICK].argmax()) for child in children} == {0}


def test_a_part_that_rests_for_long_is_not_silent():
    steps = 16
    kick = name(make_loop((0, KICK), bars=8), "kick", role="kick")
    snare = name(make_loop((7 * steps, SNARE), bars=8), "snare", role="snare")
    hat = name(make_loop((3 * steps, CLOSED_HAT), bars=8), "hat", role="hat")
    params = AugmentParams(bars=2, rotate_probability=1.0, vary_probability=0.0)
    for seed in range(8):
        (made,) = recombine([kick, snare, hat], 1, params, np.random.default_rng(seed))
        assert made.onsets[:, [KICK, SNARE, CLOSED_HAT]].any(axis=0).all()


def test_children_keep_their_parents_microtiming():
    late = np.full((16, 9), 0.25, np.float32)
    kick = replace(KICK_LOOP, offsets=late)
    (child,) = recombine([kick, SNARE_LOOP, HAT_LOOP], 1, PLAIN, np.random.default_rng(0))
    assert set(child.offsets[child.onsets[:, KICK], KICK]) == {np.float32(0.25)}
    assert not child.offsets[:, 1:].any()


def test_full_loops_give_voices_and_are_kept_whole():
    full = name(random_loop(np.random.default_rng(0), 2, density=0.5), "f", "full")
    long = name(random_loop(np.random.default_rng(1), 5), "g", "full")
    assert keep_full([full, KICK_LOOP, long], PLAIN) == [repeat_to(full, 4), long]
    (child,) = recombine([full], 1, PLAIN, np.random.default_rng(0))
    lanes = [KICK, SNARE, *HATS]
    np.testing.assert_array_equal(
        child.velocities[:, lanes], repeat_to(full, 4).velocities[:, lanes]
    )
    assert not np.delete(child.velocities, lanes, axis=1).any()
    assert child.lineage.source_ids == ("source of f",)


def test_combinations_repeat_only_when_all_are_used():
    rng = np.random.default_rng(0)
    loops = [
        name(make_loop((at, voice)), f"{role}{at}", role)
        for role, voice in (("kick", KICK), ("snare", SNARE), ("hat", CLOSED_HAT))
        for at in range(3)
    ]
    children = recombine(loops, 60, PLAIN, rng)
    parents = [child.lineage.parents for child in children]
    assert len(set(parents[:27])) == len(set(parents[27:54])) == 27
    assert len(set(parents[54:])) == 6
    assert recombine(loops, 0, PLAIN, rng) == []


def test_combinations_of_a_thousand_loops_are_distinct():
    loops = [
        name(make_loop((0, KICK), (4, SNARE), (8, CLOSED_HAT)), f"f{at}", "full")
        for at in range(1000)
    ]
    children = recombine(loops, 50, PLAIN, np.random.default_rng(0))
    assert len({child.lineage.parents for child in children}) == 50


def test_a_missing_part_is_named():
    with pytest.raises(SplitError, match="1 kick, 0 snare, 1 hat") as caught:
        recombine([KICK_LOOP, HAT_LOOP], 3, PLAIN, np.random.default_rng(0), prefix="test")
    assert caught.value.path.name == "test"
    full = name(make_loop((0, KICK)), "f", "full")
    assert recombine([full], 3, PLAIN, np.random.default_rng(0)) == []


@settings(max_examples=60)
@given(grids, st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.6, 1.0]))
def test_a_variation_changes_hats_within_one_eighth(steps_per_bar, seed, density):
    rng = np.random.default_rng(seed)
    loop = random_loop(rng, 2, steps_per_bar, density)
    varied = vary(loop.velocities, steps_per_bar, np.random.default_rng(seed))
    again = vary(loop.velocities, steps_per_bar, np.random.default_rng(seed))
    np.testing.assert_array_equal(varied, again)
    assert varied.dtype == np.uint8
    assert varied.max() <= 127
    same = [voice for voice in range(9) if voice != CLOSED_HAT]
    np.testing.assert_array_equal(varied[:, same] > 0, loop.onsets[:, same])
    changed = np.flatnonzero((varied[:, CLOSED_HAT] > 0) != loop.onsets[:, CLOSED_HAT])
    if len(changed):
        # Within one eighth, whose first hit stays.
        eighths = np.unique(changed // (steps_per_bar // 8))
        assert len(eighths) == 1
        assert varied[eighths[0] * (steps_per_bar // 8), CLOSED_HAT]


def test_a_roll_grows_and_shrinks():
    single = make_loop((4, CLOSED_HAT), steps_per_bar=32).velocities
    grown = [vary(single, 32, np.random.default_rng(seed))[:, CLOSED_HAT] for seed in range(8)]
    assert all(np.flatnonzero(hat).tolist() == [4, 5, 6, 7] for hat in grown)
    assert {bool(hat[4] < hat[7]) for hat in grown} == {True, False}
    rolled = make_loop(*((step, CLOSED_HAT) for step in range(4, 8)), steps_per_bar=32).velocities
    shrunk = vary(rolled, 32, np.random.default_rng(0))
    assert np.flatnonzero(shrunk[:, CLOSED_HAT]).tolist() == [4]


@pytest.mark.parametrize("steps_per_bar", [48, 96])
def test_rolls_have_at_most_six_hits_an_eighth(steps_per_bar):
    single = make_loop((0, CLOSED_HAT), steps_per_bar=steps_per_bar).velocities
    grown = vary(single, steps_per_bar, np.random.default_rng(0))
    # Six hits an eighth are 32nd triplets of a sixteenth pulse: nothing faster is written.
    assert 2 <= np.count_nonzero(grown[:, CLOSED_HAT]) <= 6


def test_augmented_loops_come_back(tmp_path, corpus, components):
    _, made = augment(corpus, components, AugmentParams(4, 12, 6, 6), 0)
    table = write_augmented(tmp_path, made)
    assert table["side"].tolist() == [side for side, _ in made]
    back = read_loops(tmp_path)
    assert back == made
    for (_, one), (_, other) in zip(made, back, strict=True):
        np.testing.assert_array_equal(one.lengths, other.lengths)


def test_a_silent_loop_comes_back(tmp_path):
    silent = DrumLoop(np.zeros((32, 9)), 16, 140.0, lineage=Lineage("train/0", ("a",)))
    write_augmented(tmp_path, [("train", silent)])
    assert read_loops(tmp_path) == [("train", silent)]


def test_loading_nothing_is_an_error(tmp_path):
    with pytest.raises(TableError, match=r"loops\.parquet"):
        read_loops(tmp_path)

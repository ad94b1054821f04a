"""Leaks made on purpose are what they say, and the self-test counts them as it should."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.audit import LEAKS, Case, Leak, count_false_alarms, draw_leaks, find_leaks
from trapgen.audit.bar_windows import FULL_BAR
from trapgen.audit.leaks import is_telling
from trapgen.audit.remap import VOICE_MAPS
from trapgen.audit.selftest import self_test
from trapgen.core import (
    CLOSED_HAT,
    KEY_MAPS,
    KICK,
    N_VOICES,
    SNARE,
    VOICES,
    AuditParams,
    AugmentParams,
    DrumLoop,
    Lineage,
    SplitParams,
    StandardizeParams,
    cut,
    repeat_to,
    rotate,
)
from trapgen.dataset import augment_sides, split_sources
from trapgen.ingest import read_loop
from trapgen.midi import write_loop
from trapgen.similarity import find_pairs, halve_time, rename_voices

FEW = AuditParams(self_test_leaks=6)
SAME = ("exact", "rotated by beats", "rotated by bars", "repeated twice", "repeated four times",
        "retempoed", "revelocitied", "microtiming")  # fmt: skip
seeds = st.integers(0, 2**32 - 1)
loops = drum_loops(steps_per_bar=16, min_hits=8)


def name(loop, loop_id, *sources):
    return replace(loop, lineage=Lineage(loop_id, sources or (loop_id,)))


def some_loops(n, seed=0, **options):
    rng = np.random.default_rng(seed)
    return [name(random_loop(rng, **options), f"{seed}.{at}") for at in range(n)]


def leak(kind, loop, seed=0, donors=()):
    return LEAKS[kind](Case(loop, np.random.default_rng(seed), donors))


def search(train, others):
    return [(pair.left, pair.right) for pair in find_pairs(train, others, 0.35)]


def run_on(train, held_out, find=search, params=FEW, **options):
    reported = find(train, held_out)
    rng = np.random.default_rng(0)
    return self_test(train, held_out, find, params, rng, reported=reported, **options)


# What leaks are


@pytest.mark.slow
@given(loop=loops, seed=seeds)
def test_transformed_copies_are_the_same_loop(loop, seed):
    for kind in SAME:
        made = leak(kind, loop, seed)
        if made is None:
            assert (kind, loop.n_bars) == ("rotated by bars", 1)
            continue
        (pair,) = find_pairs([loop], [made], 1.0)
        assert pair.distance == 0
        assert made in disguises(kind, loop, made), kind


def disguises(kind, loop, made):
    """What the leak of a kind may be, given what that kind draws."""
    return {
        "exact": lambda: [loop],
        "rotated by beats": lambda: [rotate(loop, 4 * beats) for beats in range(12) if beats % 4],
        "rotated by bars": lambda: [rotate(loop, 16), rotate(loop, 32)],
        "repeated twice": lambda: [repeat_to(loop, 2 * loop.n_bars)],
        "repeated four times": lambda: [repeat_to(loop, 4 * loop.n_bars)],
        "retempoed": lambda: [replace(loop, bpm=made.bpm)],
        "revelocitied": lambda: [replace(loop, velocities=made.velocities)],
        "microtiming": lambda: [replace(loop, offsets=made.offsets)],
    }[kind]()


@given(loop=loops, seed=seeds)
def test_half_and_double_time_undo_each_other(loop, seed):
    half = leak("half time", loop, seed)
    assert np.array_equal(half.onsets[::2], loop.onsets)
    assert not half.onsets[1::2].any()
    assert np.array_equal(leak("double time", half, seed).onsets, loop.onsets)
    double = leak("double time", loop, seed)
    if loop.onsets[1::2].any():
        assert double is None
    else:
        there_and_back = halve_time(double)
        assert np.array_equal(there_and_back.onsets, repeat_to(loop, there_and_back.n_bars).onsets)


@pytest.mark.parametrize("count", [1, 2])
@given(seed=seeds, density=st.sampled_from([0.05, 0.2, 0.9]))
def test_the_given_number_of_hits_a_bar_is_changed(count, seed, density):
    loop = random_loop(np.random.default_rng(seed), 3, density=density)
    kind = f"{count} hit{'s' if count > 1 else ''} a bar changed"
    made = leak(kind, loop, seed)
    if made is None:
        assert loop.n_onsets < FULL_BAR * loop.n_bars
        return
    differs = (made.onsets != loop.onsets).reshape(3, -1)
    assert (differs.sum(axis=1) == count).all()
    used = loop.onsets.any(axis=0)
    assert not made.onsets[:, ~used].any()
    kept = made.onsets & loop.onsets
    assert np.array_equal(made.velocities[kept], loop.velocities[kept])


def test_hits_are_both_added_and_taken_away():
    loop = random_loop(np.random.default_rng(0), 2)
    changes = Counter(leak("1 hit a bar changed", loop, seed).n_onsets for seed in range(60))
    assert set(changes) == {loop.n_onsets - 2, loop.n_onsets, loop.n_onsets + 2}


@given(seed=seeds, bars=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_leaks_of_a_voice_copy_the_whole_voice(seed, bars):
    rng = np.random.default_rng(seed)
    loop, donor = (random_loop(rng, n_bars) for n_bars in bars)
    made = leak("one voice taken whole", loop, seed, [donor])
    if made is None:
        assert not any(is_telling(loop, voice) for voice in range(N_VOICES))
        return
    assert made.n_bars == max(bars)
    home, laid = repeat_to(donor, made.n_bars), repeat_to(loop, made.n_bars)
    turns = [rotate(laid, 16 * bar).velocities for bar in range(made.n_bars)]
    replaced = [
        voice
        for voice in range(N_VOICES)
        if not np.array_equal(made.velocities[:, voice], home.velocities[:, voice])
    ]
    (voice,) = replaced
    assert is_telling(loop, voice)
    assert any(np.array_equal(made.velocities[:, voice], turn[:, voice]) for turn in turns)


def test_leaked_voices_are_no_common_patterns():
    eighths = [(step, CLOSED_HAT) for step in range(0, 16, 2)]
    backbeat = [(4, SNARE), (12, SNARE)]
    pattern = [(step, KICK) for step in (0, 3, 6, 7, 10, 12, 13, 14)]
    loop = repeat_to(make_loop(*eighths, *backbeat, *pattern), 4)
    assert [voice for voice in range(N_VOICES) if is_telling(loop, voice)] == [KICK]
    # Four hits a bar are few until the second bar differs.
    first, second = make_loop(*pattern[:4]), make_loop(*pattern[4:])
    two = DrumLoop(np.concatenate([first.velocities, second.velocities]), 16)
    assert not is_telling(repeat_to(first, 4), KICK)
    assert is_telling(repeat_to(two, 4), KICK)


@pytest.mark.parametrize("n_bars", [2, 4])
@given(seed=seeds, bars=st.tuples(st.integers(1, 6), st.integers(1, 6)))
def test_bars_of_a_donor_are_replaced_whole(n_bars, seed, bars):
    rng = np.random.default_rng(seed)
    loop, donor = (random_loop(rng, n) for n in bars)
    made = leak(f"{n_bars} bars taken", loop, seed, [donor])
    if loop.n_bars < n_bars:
        assert made is None
        return
    assert made.n_bars == max(donor.n_bars, 2 * n_bars)
    home = repeat_to(donor, made.n_bars)
    taken = [cut(loop, at, n_bars).velocities for at in range(loop.n_bars - n_bars + 1)]
    fits = [
        place
        for place in range(made.n_bars - n_bars + 1)
        if any(np.array_equal(cut(made, place, n_bars).velocities, own) for own in taken)
    ]
    (place,) = fits
    rest = np.ones(made.n_steps, bool)
    rest[16 * place : 16 * (place + n_bars)] = False
    assert np.array_equal(made.velocities[rest], home.velocities[rest])


def test_parts_go_into_loops_without_a_common_source():
    loop, relative, stranger = (name(x, "x", *"abc") for x in some_loops(3, bars=2))
    relative = replace(relative, lineage=Lineage("r", ("c", "d")))
    stranger = replace(stranger, lineage=Lineage("s", ("e",)))
    for kind in ("one voice taken whole", "2 bars taken"):
        assert leak(kind, loop, donors=[relative]) is None
        made = leak(kind, loop, donors=[relative, stranger])
        assert made.lineage == stranger.lineage


# Key maps


@pytest.mark.parametrize("key_map", KEY_MAPS)
def test_voice_maps_are_what_reading_another_layout_does(key_map, tmp_path):
    loop = random_loop(np.random.default_rng(0), 4)
    write_loop(tmp_path / "loop.mid", loop)
    params = StandardizeParams(loop.steps_per_bar, key_map)
    read = read_loop(tmp_path / "loop.mid", params).loop
    columns = [int(KEY_MAPS[key_map].column_of[voice.pitch]) for voice in VOICES]
    voices = tuple((voice, to) for voice, to in enumerate(columns) if voice != to)
    assert voices in (*VOICE_MAPS, ())
    assert np.array_equal(read.onsets, rename_voices(loop, voices).onsets)


def test_layouts_that_agree_change_nothing():
    assert () not in VOICE_MAPS
    # Kick and snare lie the other way round on an MPC's first pads.
    assert any(voices[:2] == ((KICK, SNARE), (SNARE, KICK)) for voices in VOICE_MAPS)


@given(loop=loops, seed=seeds)
def test_a_remapped_loop_keeps_half_of_its_hits(loop, seed):
    made = leak("remapped", loop, seed)
    used = np.flatnonzero(loop.onsets.any(axis=0))
    fits = [
        voices
        for voices in VOICE_MAPS
        if any(voice in used for voice, _ in voices)
        and rename_voices(loop, voices).n_onsets >= max(8, loop.n_onsets / 2)
    ]
    if made is None:
        assert not fits
        return
    assert any(made == rename_voices(loop, voices) for voices in fits)


# Drawing them


@pytest.fixture(scope="module")
def starter(corpus, components):
    """Training and held-out loops of the starter corpus."""
    rng, split = np.random.default_rng(0), SplitParams()
    few = AugmentParams(train_loops=150, validation_loops=30, test_loops=30)
    made = augment_sides(corpus, split_sources(corpus, split, rng, components), few, split, rng)
    sides = ("train", "others")
    return tuple([x for at, x in made if (at == "train") == (s == "train")] for s in sides)


def test_every_kind_is_drawn_from_the_starter_corpus(starter):
    train, held_out = starter
    leaks = draw_leaks(train, held_out, 10, np.random.default_rng(0))
    assert Counter(item.kind for item in leaks) == dict.fromkeys(LEAKS, 10)
    assert list(dict.fromkeys(item.kind for item in leaks)) == list(LEAKS)
    for kind in LEAKS:
        assert len({item.original for item in leaks if item.kind == kind}) == 10
    # Nothing but hits gives them away.
    assert {item.loop.lineage.source_ids for item in leaks} == {()}
    assert len({item.loop.lineage.loop_id for item in leaks}) == len(leaks)
    again = draw_leaks(train, held_out, 10, np.random.default_rng(0))
    assert again == leaks != draw_leaks(train, held_out, 10, np.random.default_rng(1))


def test_leaks_that_no_loop_allows_are_left_out():
    train = some_loops(5, bars=1)
    kinds = Counter(item.kind for item in draw_leaks(train, [], 3, np.random.default_rng(0)))
    without = {"rotated by bars", "double time", "one voice taken whole"}
    assert set(LEAKS) - set(kinds) == without | {"2 bars taken", "4 bars taken"}
    assert set(kinds.values()) == {3}
    # Every loop leaks once in each way.
    assert (
        Counter(item.kind for item in draw_leaks(train, [], 99, np.random.default_rng(0)))["exact"]
        == 5
    )


def test_loops_of_few_hits_do_not_leak():
    train = [make_loop((0, KICK), (8, SNARE), bars=2), make_loop()]
    assert draw_leaks(train, train, 5, np.random.default_rng(0)) == []
    found = run_on(train, some_loops(3))
    assert (found["injected"], found["found"], found["recall"]) == (0, 0, {})


# Counting what was found


def test_the_search_finds_whole_loops_and_misses_parts(starter):
    found = run_on(*starter)
    assert found["injected"] == FEW.self_test_leaks * len(LEAKS)
    recall = found["recall"]
    assert tuple(recall) == tuple(LEAKS)
    whole = (*SAME, "1 hit a bar changed", "2 hits a bar changed")
    assert {kind: recall[kind] for kind in whole} == dict.fromkeys(whole, 1.0)
    assert found["found"] == round(sum(recall.values()) * FEW.self_test_leaks) < found["injected"]
    assert recall["one voice taken whole"] < 1
    assert 0 <= found["false_alarms"] < 0.01


def test_a_search_that_reports_nothing_has_no_recall(starter):
    found = run_on(*starter, find=lambda train, others: np.zeros((0, 2), int))
    assert (found["found"], found["false_alarms"]) == (0, 0)
    assert set(found["recall"].values()) == {0}


def test_a_search_that_reports_everything_has_only_false_alarms(starter):
    def everything(train, others):
        return np.argwhere(np.ones((len(train), len(others)), bool))

    found = run_on(*starter, find=everything)
    assert found["found"] == found["injected"]
    assert found["false_alarms"] == 1


def test_another_neighbor_is_not_the_original_but_a_twin_is():
    train = some_loops(3)
    train += [name(replace(train[0], bpm=99.0), "twin")]
    leaks = [Leak("exact", original, train[original]) for original in (0, 1, 2)]
    for pairs, expected in (
        ([(0, 0), (1, 1), (2, 2)], [True, True, True]),
        ([(3, 0)], [True, False, False]),
        ([(1, 0), (0, 1), (1, 2)], [False, False, False]),
        ([], [False, False, False]),
    ):
        assert find_leaks(train, leaks, lambda *_, pairs=pairs: pairs).tolist() == expected


def test_false_alarms_by_hand():
    plain = some_loops(7)
    train = [name(plain[0], "0", "a", "b"), name(plain[1], "1", "c"), name(plain[2], "2", "a")]
    held_out = [name(plain[3], "3", "b"), name(plain[4], "4", "d"), name(plain[5], "5", "c", "a")]
    # (0, 0), (0, 2), (1, 2) and (2, 2) share a source.
    assert count_false_alarms(train, held_out, []) == (0, 5)
    assert count_false_alarms(train, held_out, [(0, 0), (2, 2)]) == (0, 5)
    assert count_false_alarms(train, held_out, [(0, 0), (0, 1), (0, 1), (1, 0)]) == (2, 5)
    assert count_false_alarms(train, held_out, [(0, 1), (1, 0)], [(0, 1), (0, 0)]) == (1, 4)
    assert count_false_alarms(train, [], []) == (0, 0)
    unknown = [replace(loop, lineage=Lineage()) for loop in plain]
    assert count_false_alarms(unknown[:3], unknown[3:], np.array([[0, 0]])) == (1, 12)


@given(st.lists(st.tuples(st.booleans(), st.frozensets(st.sampled_from("abcd"), max_size=3))))
def test_unrelated_pairs_are_counted(dealt):
    plain = make_loop((0, KICK))
    sides = ([], [])
    for held_out, sources in dealt:
        sides[held_out].append(replace(plain, lineage=Lineage("x", tuple(sorted(sources)))))
    train, others = sides
    everything = [(i, j) for i in range(len(train)) for j in range(len(others))]
    expected = sum(
        not set(train[i].lineage.source_ids) & set(others[j].lineage.source_ids)
        for i, j in everything
    )
    assert count_false_alarms(train, others, everything) == (expected, expected)


def test_the_seed_decides(starter):
    assert run_on(*starter) == run_on(*starter)

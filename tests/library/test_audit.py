"""The audit: it lets honest sides pass, catches the original's, and doubts itself."""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.audit import LEAKS, Chance, audit_sides, find_copies
from trapgen.audit.gate import judge
from trapgen.audit.loop_matches import LoopMatches
from trapgen.core import (
    KICK,
    PROTOCOLS,
    AuditParams,
    AugmentParams,
    DrumLoop,
    Lineage,
    ParameterError,
    SplitParams,
    cut,
    repeat_to,
    rotate,
)
from trapgen.dataset import augment_sides, split_sources

PAIR_KINDS = ("exact_loop", "near_loop", "voice", "window")
QUICK = AuditParams(chance_replicates=4, self_test_leaks=10, min_effective_sources=4)
FEW = AugmentParams(train_loops=150, validation_loops=30, test_loops=30)


def name(loop, loop_id, *sources, recipe=""):
    return replace(loop, lineage=Lineage(loop_id, sources or (loop_id,), recipe=recipe))


def independent(n_train, n_other, seed=0, density=0.3):
    """Sides of random loops, each a source of its own."""
    rng = np.random.default_rng(seed)
    loops = [name(random_loop(rng, density=density), f"{at}") for at in range(n_train + n_other)]
    return [("train" if at < n_train else "test", loop) for at, loop in enumerate(loops)]


def audit(sided, params=QUICK, **options):
    return audit_sides(sided, params, np.random.default_rng(0), **options)


@functools.cache
def clean():
    """Sides without a leak, and their audit."""
    sided = independent(40, 10)
    return tuple(sided), audit(sided)


@pytest.fixture(scope="module")
def audits(corpus, components):
    """The audit of the starter corpus under each protocol, as the pipeline makes it."""

    def draw(rng, protocol="by_source"):
        split = SplitParams(protocol)
        sides = split_sources(corpus, split, rng, components)
        return augment_sides(corpus, sides, FEW, split, rng)

    return {
        protocol: audit_sides(
            draw(np.random.default_rng(0), protocol),
            QUICK,
            np.random.default_rng(1),
            protocol=protocol,
            draw_independent=draw,
        )
        for protocol in PROTOCOLS
        if protocol != "published"  # these packs say nothing of sides
    }


# The starter corpus under three protocols


def test_independent_sources_pass(audits):
    found = audits["by_source"]
    assert (found.gate, found.reasons) == ("pass", ())
    assert found.exact_bar_overlap <= found.chance.high + QUICK.overlap_tolerance
    assert found.count("shared_source", "exact_loop") == found.near_duplicate_pairs == 0
    assert {pair.kind for pair in found.pairs} <= {"near_loop", "voice", "window", "exact_bar"}
    assert found.chance.replicates == 4
    for window in found.windows:
        assert window.exact <= window.chance.high + QUICK.overlap_tolerance
    assert found.voices.share <= found.voices.chance.high + QUICK.overlap_tolerance
    assert 0 <= found.chance.low <= found.chance.mean <= found.chance.high < 0.02
    assert min(found.effective_sources.values()) >= 8


def test_random_windows_are_refused(audits):
    found = audits["random_windows"]
    assert found.gate == "refuse"
    assert found.exact_bar_overlap > 0.25
    for words in ("share a source", "the same loop, or nearly", "occur in train; independent"):
        assert any(words in reason for reason in found.reasons), words
    assert found.count("shared_source") > 1000
    kinds = Counter(pair.kind for pair in found.pairs)
    assert set(kinds) >= {"shared_source", "exact_loop", "near_loop"}
    assert kinds["exact_loop"] == found.count("exact_loop")
    assert {pair.side for pair in found.pairs} == {"validation", "test"}


def test_splits_by_file_are_refused(audits):
    found = audits["by_file"]
    assert found.gate == "refuse"
    assert any("share a source" in reason for reason in found.reasons)
    assert audits["by_source"].exact_bar_overlap < audits["random_windows"].exact_bar_overlap


def test_the_self_test_finds_every_kind_of_leak(audits):
    test = audits["by_source"].self_test
    assert set(test["recall"]) == set(LEAKS)
    assert min(test["recall"].values()) >= 0.9
    whole = [share for kind, share in test["recall"].items() if kind != "one voice taken whole"]
    assert min(whole) == 1
    assert test["false_alarms"] <= 0.01


def test_the_summary_is_json(audits):
    for protocol, found in audits.items():
        summary = json.loads(json.dumps(found.summary(), allow_nan=False))
        assert set(summary) >= {
            "protocol", "n_loops", "n_sources", "effective_sources", "exact_bar_overlap",
            "exact_loop_overlap", "near_duplicate_pairs", "shared_source_pairs",
            "chance_overlap", "self_test", "gate", "reasons",
        }  # fmt: skip
        assert set(summary["self_test"]) >= {"injected", "found", "false_alarms"}
        assert summary["protocol"] == protocol
        assert (summary["gate"] == "pass") == (not summary["reasons"])


# One leak at a time


@pytest.mark.parametrize(
    ("leak", "kind", "transform"),
    [
        pytest.param(lambda loop: loop, "exact_loop", "", id="copied"),
        pytest.param(lambda loop: rotate(loop, 4), "exact_loop", "rotated by 7 beats", id="turned"),
        pytest.param(lambda loop: repeat_to(loop, 6), "exact_loop", "", id="repeated"),
        pytest.param(lambda loop: replace(loop, bpm=77.0), "exact_loop", "", id="slower"),
        pytest.param(
            lambda loop: DrumLoop(np.where(np.cumsum(loop.onsets).reshape(32, 9) == 1, 0,
                                           loop.velocities), 16),
            "near_loop", "", id="its first hit gone",
        ),
    ],
)  # fmt: skip
def test_a_leak_is_found(leak, kind, transform):
    # Random loops have nothing in common, and every lane of them says something.
    sided, passed = clean()
    assert passed.gate == "pass"
    victim = sided[17][1]
    found = audit([*sided, ("validation", name(leak(victim), "the leak"))])
    assert found.gate == "refuse"
    (pair,) = found.pairs
    assert (pair.train_loop, pair.other_loop, pair.side) == ("17", "the leak", "validation")
    assert (pair.kind, str(pair.transform)) == (kind, transform)
    assert found.count("exact_loop", "near_loop") == found.near_duplicate_pairs == 1
    assert "1 pairs across splits are the same loop, or nearly" in found.reasons
    assert found.exact_loop_overlap == (1 / 11 if kind == "exact_loop" else 0)


def test_a_shared_source_is_found():
    sided, _ = clean()
    child = name(random_loop(np.random.default_rng(99)), "child", "5", "elsewhere")
    found = audit([*sided, ("test", child)])
    (pair,) = found.pairs
    assert (pair.kind, pair.train_loop, pair.other_loop) == ("shared_source", "5", "child")
    assert pair.voices == "5"
    assert np.isnan(pair.distance)
    assert found.reasons == (
        "1 pairs across splits share a source: the splits are not independent",
    )


def test_copied_bars_are_counted():
    sided = independent(40, 10)
    rng = np.random.default_rng(7)
    for at in range(40, 45):
        loop = repeat_to(sided[at][1], 8)
        borrowed = np.array(loop.velocities)
        borrowed[:16] = sided[int(rng.integers(40))][1].velocities[:16]
        sided[at] = ("test", replace(loop, velocities=borrowed))
    found = audit(sided)
    # Five loops of eight bars with one bar each, beside five loops of two.
    assert found.exact_bar_overlap == 5 / 50
    assert found.exact_bar_overlap_by_side == {"test": 0.1}
    assert clean()[1].exact_bar_overlap == 0


# The gate


def test_too_few_effective_sources_are_refused():
    rng = np.random.default_rng(0)
    sided = [("train", name(random_loop(rng), f"{at}", "one")) for at in range(40)]
    sided += independent(1, 12, seed=1)[1:]
    (reason,) = audit(sided).reasons
    assert reason == "train rests on 1.0 effective sources; 3.0 more are needed"


def test_without_enough_groups_chance_is_not_known():
    found = audit(independent(5, 2))
    assert found.chance.replicates == 0
    assert found.reasons == ("the chance baseline is not known: 7 independent groups of loops",)


def test_a_self_test_that_cannot_run_is_refused():
    rng = np.random.default_rng(0)
    sparse = [
        ("train" if at < 20 else "test", name(random_loop(rng, 1, density=0.015), f"{at}"))
        for at in range(30)
    ]
    found = audit(sparse)
    assert found.self_test["injected"] == 0
    assert any("the self-test could not run" in reason for reason in found.reasons)


def test_a_self_test_that_misses_leaks_is_refused():
    _, found = clean()
    assert judge(found, QUICK) == []
    recall = {**found.self_test["recall"], "rotated": 0.5, "exact": 0.99, "repeated": 0.98}
    assert judge(replace(found, self_test={**found.self_test, "recall": recall}), QUICK) == [
        "the self-test found only 50% of rotated copies, 98% of repeated copies"
    ]


def test_overlap_beyond_the_limit_is_refused_whatever_chance_says():
    rng = np.random.default_rng(0)
    common = random_loop(rng, 1)
    sided = []
    for at in range(60):
        own = random_loop(rng, 1, density=0.5)
        both = np.concatenate([common.velocities, own.velocities])
        sided.append(("train" if at < 40 else "test", name(DrumLoop(both, 16), f"{at}")))
    found = audit(sided)
    assert found.exact_bar_overlap == 0.5
    assert found.chance.high == 0.5
    (reason,) = found.reasons
    assert reason == (
        "50.0% of held-out bars occur in train; over 25%, no figure on them is meaningful"
    )


@pytest.mark.parametrize("sided", [independent(3, 0), independent(0, 3), []], ids=len)
def test_both_sides_need_loops(sided):
    with pytest.raises(ParameterError, match="at least one each"):
        audit(sided)


def test_the_seed_decides():
    sided = independent(20, 6)
    assert audit(sided) == audit(sided)


# Its pairs


def test_every_listed_pair_is_a_row(audits):
    for found in audits.values():
        for pair in found.pairs[:200]:
            row = pair.row()
            assert row["transform"] == str(pair.transform)
            assert {type(value) for value in row.values()} <= {str, float}


@pytest.mark.slow
@given(st.lists(drum_loops(steps_per_bar=16, max_hits=9), min_size=2, max_size=6), st.data())
def test_copies_are_what_the_audit_lists(loops, data):
    split = data.draw(st.integers(1, len(loops) - 1))
    named = [name(loop, f"{at}") for at, loop in enumerate(loops)]
    copies = find_copies(named[:split], named[split:], QUICK)
    assert copies.tolist() == sorted(map(list, {tuple(pair) for pair in copies.tolist()}))
    sides = ["train"] * split + ["test"] * (len(loops) - split)
    # Which pairs it lists is not the business of its draws.
    few = replace(QUICK, chance_replicates=2, self_test_leaks=1)
    found = audit([(side, loop) for side, loop in zip(sides, named, strict=True)], few)
    listed = {(p.train_loop, p.other_loop) for p in found.pairs if p.kind in PAIR_KINDS}
    assert {(f"{left}", f"{split + right}") for left, right in copies.tolist()} == listed


def test_loops_on_two_grids_are_refused():
    loops = [make_loop((0, KICK)), make_loop((0, KICK), steps_per_bar=32)]
    with pytest.raises(ParameterError, match="the same for all loops"):
        LoopMatches(loops, QUICK)


def test_copied_bars_are_listed_and_refused_where_only_files_are_known(corpus):
    loops = [loop for loop in corpus if loop.lineage.role == "full"]
    half = len(loops) // 2
    train, held_out = loops[:half], loops[half:]
    fullest = [
        max(range(loop.n_bars), key=lambda bar: cut(loop, bar, 1).n_onsets) for loop in train
    ]
    copied = []
    for loop, source, bar in zip(held_out, train, fullest, strict=False):
        velocities = np.array(loop.velocities)
        velocities[: loop.steps_per_bar] = cut(source, bar, 1).velocities
        copied.append(replace(loop, velocities=velocities))
    sided = [*(("train", loop) for loop in train), *(("other", loop) for loop in copied)]
    found = audit(sided)
    pairs = {(p.train_loop, p.other_loop) for p in found.pairs}
    for source, loop in zip(train, copied, strict=False):
        assert (source.lineage.loop_id, loop.lineage.loop_id) in pairs
    assert found.exact_bar_overlap > found.chance.high + QUICK.overlap_tolerance
    assert any("occur in train" in reason for reason in found.reasons)


@pytest.mark.parametrize("replicates", [2, 3, 4, 20, 51, 200])
def test_the_limit_is_the_end_of_students_prediction_interval(replicates):
    chance = Chance(0.1, 0.05, 0.15, replicates, "drawn", 0.02)
    score = scipy.stats.t.ppf(0.999, replicates - 1)
    expected = 0.1 + score * 0.02 * (1 + 1 / replicates) ** 0.5
    assert chance.limit == pytest.approx(expected, rel=1e-9)

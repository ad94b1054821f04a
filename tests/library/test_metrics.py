"""The figures themselves: scores, intervals, calibration, overlap, copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import CONDITIONED, NEVER_COPIES, PLAIN, make_network
from tests.strategies import make_loop, random_loop
from trapgen.core import BAR, KICK, N_WORDS, SNARE, DrumLoop, Lineage, ParameterError, rotate
from trapgen.evaluate import collect_features, group_features, model_bits
from trapgen.evaluate.metrics.bootstrap import bound_ratio, draw_weights
from trapgen.evaluate.metrics.calibration import Reliability
from trapgen.evaluate.metrics.distribution_overlap import Sample, _all, _Densities, compare_features
from trapgen.evaluate.metrics.goals import judge_goals
from trapgen.evaluate.metrics.originality import copy_rate, quantiles
from trapgen.evaluate.metrics.score import score_loops

RNG = np.random.default_rng(7)
WORDS = [RNG.integers(0, N_WORDS, 16 * n_bars) for n_bars in (1, 3, 2, 2)]


def from_sources(*sources):
    return make_loop((0, KICK), lineage=Lineage(source_ids=sources))


def overlap_area(ours, theirs):
    """Overlapping area of two distributions of each feature, whatever the order."""
    areas = {}
    for name, one in ours.items():
        other = theirs[name]
        both = np.concatenate([one, other])
        densities = _Densities.of([one[:, None], other[:, None]], both.std(), len(both))
        areas[name] = float(densities.overlap((0, _all(one)), (1, _all(other)))[0])
    return areas


# Scores


@pytest.mark.parametrize("spec", [PLAIN, CONDITIONED])
def test_one_reading_gives_the_bits_of_every_loop(spec):
    network = make_network(spec)
    conditions = RNG.integers(0, 3, (len(WORDS), 4)) if spec.conditions else None
    found = score_loops(network, WORDS, conditions)
    assert found.n_steps.tolist() == [16, 48, 32, 32]
    for at, words in enumerate(WORDS):
        alone = None if conditions is None else conditions[at : at + 1]
        assert found.bits[at] / len(words) == pytest.approx(model_bits(network, [words], alone))
    mean = found.bits.sum() / found.n_steps.sum()
    assert mean == pytest.approx(model_bits(network, WORDS, conditions), rel=1e-6)
    assert found.top_word.n.sum() == found.n_steps.sum()
    onsets = sum(int((words >> 8 & 1).sum()) for words in WORDS)
    assert found.voices[KICK].observed.sum() == onsets


def test_a_network_that_knows_nothing_is_calibrated_for_coin_flips():
    found = score_loops(make_network(scale=0, copy=NEVER_COPIES), WORDS)
    assert found.bits / found.n_steps == pytest.approx(np.full(4, np.log2(N_WORDS + 1)))
    # Every voice sounds in half of the words, and BAR takes its share.
    expected = 0.5 * N_WORDS / (N_WORDS + 1)
    for voice in found.voices:
        assert voice.predicted.sum() / voice.n.sum() == pytest.approx(expected, abs=1e-5)
        observed = voice.observed.sum() / voice.n.sum()
        assert voice.error == pytest.approx(abs(observed - expected), abs=1e-4)


def test_a_network_that_says_one_word_is_sure_and_wrong_or_right():
    network = make_network(scale=0, words={256: 60.0}, copy=NEVER_COPIES)
    right = score_loops(network, [np.full(16, 256)])
    assert right.bits[0] == pytest.approx(0, abs=1e-6)
    assert right.top_word.error == pytest.approx(0, abs=1e-6)
    wrong = score_loops(network, [np.zeros(16, np.int64)])
    assert wrong.top_word.error == pytest.approx(1)
    assert wrong.voices[KICK].error == pytest.approx(1)
    assert wrong.voices[SNARE].error == pytest.approx(0, abs=1e-6)


def test_loops_in_broken_bars_and_none_at_all_are_errors():
    network = make_network()
    for score in (score_loops, model_bits):
        with pytest.raises(ParameterError, match="whole bars of 16"):
            score(network, [np.zeros(17, np.int64)])
        with pytest.raises(ParameterError, match="at least one"):
            score(network, [])


# Calibration


def test_expected_calibration_error_by_hand():
    said = np.array([0.05, 0.05, 0.91, 0.99, 1.0])
    found = Reliability.of(said, np.array([True, False, True, True, False]))
    # Two at 0.05 of which half came true, three at 0.9667 of which two did.
    assert found.error == pytest.approx((2 * 0.45 + 3 * (0.9 + 2 / 30 - 2 / 3)) / 5)
    rows = found.rows()
    assert [row["n"] for row in rows] == [2, 3]
    assert rows[0] == {"predicted": pytest.approx(0.05), "observed": 0.5, "n": 2}
    assert [row["n"] for row in found.rows(least=3)] == [3]
    assert Reliability().error == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_calibration_of_parts_adds_up_to_the_whole(pairs):
    said, true = (np.array(column) for column in zip(*pairs, strict=True))
    whole = Reliability.of(said, true)
    parts = sum((Reliability.of(said[at : at + 1], true[at : at + 1]) for at in range(len(said))),
                Reliability())  # fmt: skip
    assert parts.error == pytest.approx(whole.error)
    assert 0 <= whole.error <= 1


# Intervals


def test_a_loop_weighs_as_its_sources_do():
    loops = [from_sources("a"), from_sources("b"), from_sources("a", "b"), from_sources("c")]
    weights = draw_weights(loops, np.random.default_rng(0), 500)
    assert weights.shape == (500, 4)
    assert weights[:, 2] == pytest.approx(weights[:, 0] * weights[:, 1])
    assert not np.allclose(weights[:, 3], weights[:, 0])
    # Of mean 1 and, for one source, of variance 1.
    assert weights.mean() == pytest.approx(1, abs=0.15)
    assert weights[:, 0].var() == pytest.approx(1, abs=0.35)


def test_related_sources_are_one_and_loops_without_any_are_their_own():
    loops = [from_sources("a"), from_sources("b"), from_sources("a", "b"), make_loop(), make_loop()]
    weights = draw_weights(loops, np.random.default_rng(0), 50, {"a": 3, "b": 3})
    assert weights[:, 0].tolist() == weights[:, 1].tolist() == weights[:, 2].tolist()
    assert len({tuple(column) for column in weights[:, [0, 3, 4]].T}) == 3


def test_the_interval_is_wider_with_fewer_sources_behind_as_many_loops():
    bits, n_steps = np.random.default_rng(1).normal(64, 16, 60), np.full(60, 64)

    def width(n_sources):
        loops = [from_sources(str(at % n_sources)) for at in range(60)]
        by_source = np.array([bits[int(loop.lineage.source_ids[0])] for loop in loops])
        weights = draw_weights(loops, np.random.default_rng(0))
        low, high = bound_ratio(by_source, n_steps, weights)
        assert low < by_source.sum() / n_steps.sum() < high
        return high - low

    assert width(4) > 1.5 * width(30)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(200):
        of_source = rng.normal(1, 0.3, 40)
        loops = [from_sources(str(at)) for at in range(40) for _ in range(2)]
        bits = 64 * np.repeat(of_source, 2)
        weights = draw_weights(loops, rng, 400)
        low, high = bound_ratio(bits, np.full(80, 64), weights)
        covered += low <= 1 <= high
    assert 0.88 <= covered / 200 <= 0.99


# Overlap


def test_the_same_values_overlap_whole_and_distant_ones_not_at_all():
    one = {"a": RNG.normal(0, 1, 200), "b": np.full(200, 3.0)}
    assert overlap_area(one, one) == {
        "a": pytest.approx(1, abs=1e-3),
        "b": pytest.approx(1, abs=1e-3),
    }
    far = {"a": one["a"] + 1000, "b": np.full(200, 4.0)}
    assert overlap_area(one, far)["a"] == pytest.approx(0, abs=1e-3)
    assert overlap_area(one, far)["b"] < 0.3
    there, back = overlap_area(one, {**one, "a": one["a"] + 1}), None
    back = overlap_area({**one, "a": one["a"] + 1}, one)
    assert there == pytest.approx(back)


def make_side(rng, n_loops, density, velocity=90, prefix=""):
    loops = []
    for at in range(n_loops):
        played = random_loop(rng, bars=2, density=density)
        velocities = np.where(played.onsets, rng.integers(velocity, velocity + 20), 0)
        lineage = Lineage(source_ids=(f"{prefix}{at}",))
        loops.append(DrumLoop(velocities, 16, lineage=lineage))
    return loops


def compare(ours, train, held_out):
    rng = np.random.default_rng(5)
    sides = (Sample(side, draw_weights(side, rng, 200)) for side in (train, held_out))
    return compare_features(ours, *sides, rng)


@pytest.mark.slow
def test_loops_like_the_held_out_ones_reach_the_ceiling_and_others_do_not():
    rng = np.random.default_rng(2)
    train, held_out = make_side(rng, 120, 0.2), make_side(rng, 60, 0.2)
    alike = [make_side(rng, 40, 0.2) for _ in range(3)]
    found = compare(alike, train, held_out)
    for name in ("density", "kick_density", "velocity", "hit_velocity", "syncopation"):
        cover = found[name]
        assert cover.ratio == pytest.approx(cover.area / cover.ceiling)
        assert cover.interval.low < 1 < cover.interval.high
        assert cover.interval.low <= cover.ratio <= cover.interval.high
        assert cover.seeds.low <= cover.ratio <= cover.seeds.high
        assert cover.ratio > 0.8
    others = compare([make_side(rng, 40, 0.5, velocity=40) for _ in range(3)], train, held_out)
    for name in ("density", "velocity", "hit_velocity"):
        assert others[name].interval.high < 0.5
    # Nothing here has microtiming: where all agree there is nothing to miss.
    for name in ("hit_offset", "timing_spread"):
        assert found[name].ratio == pytest.approx(1)


@pytest.mark.slow
def test_the_ceiling_is_of_as_many_loops_as_were_generated():
    rng = np.random.default_rng(4)
    train, held_out = make_side(rng, 200, 0.2), make_side(rng, 60, 0.2)
    few, many = (compare([train[:n], train[n : 2 * n]], train, held_out) for n in (8, 100))
    names = [name for name in few if "density" in name]
    mean = [np.mean([found[name].ceiling for name in names]) for found in (few, many)]
    assert mean[0] < mean[1] - 0.03
    # More loops than train has are thinned, too.
    assert compare([many_loops := train * 2, many_loops], train, held_out)["density"].ratio > 0.9


def test_overlap_is_the_same_whatever_features_stand_beside():
    values = collect_features(make_side(np.random.default_rng(0), 20, 0.3))
    whole = overlap_area(values, values)
    assert overlap_area({"density": values["density"]}, values)["density"] == whole["density"]


# Originality


def test_copies_are_counted_by_window_from_any_beat_of_train():
    rng = np.random.default_rng(6)
    train = [random_loop(rng, bars=4) for _ in range(3)]
    own = random_loop(rng, bars=4)
    assert copy_rate(train, [own], 1) == copy_rate(train, [own], 2) == 0
    assert copy_rate(train, [rotate(train[1], 4 * 3)], 2) == 1
    mixed = own.velocities.copy()
    mixed[16:48] = train[2].velocities[20:52]
    mixed = [DrumLoop(mixed, 16)]
    assert copy_rate(train, mixed, 1) == 2 / 4
    assert copy_rate(train, mixed, 2) == 1 / 4
    assert copy_rate(train, mixed, 4) == 0
    assert copy_rate(train, [make_loop(bars=4)], 1) == 0


def test_quantiles_are_named_by_percent():
    found = quantiles(np.linspace(0, 1, 101))
    assert found["p0"] == 0
    assert found["p5"] == pytest.approx(0.05)
    assert found["p100"] == 1


# Goals

FEATURES = ("density", "velocity", "hit_velocity", "hit_offset", "roll_rate", "kick_variety")
METRICS = {
    "bits_interval": {
        "validation": {"less_lag_copy": {"difference": -0.5, "low": -0.7, "high": -0.3}},
        "test": {"less_lag_copy": {"difference": -0.4, "low": -0.6, "high": -0.1}},
    },
    "bar_closure": {"1.0": {"share": 0.996, "bars": 512}, "1.2": {"share": 0.99, "bars": 512}},
    "overlap": {name: {"ratio": 0.95} for name in FEATURES},
    "copies": {"2_bars": {"generated": 0.0, "held_out": 0.0}},
    "snare_on_3": {"generated": 0.96},
}


def test_goals_are_held_against_the_worst_of_what_they_name():
    goals = judge_goals(METRICS)
    assert all(goal["holds"] for goal in goals.values())
    assert goals["beats_lag_copy"] == {"value": -0.1, "bound": 0.0, "holds": 1.0}


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"overlap": {**METRICS["overlap"], "hit_velocity": {"ratio": 0.8}}}, {"velocity"}),
        ({"overlap": {**METRICS["overlap"], "hit_offset": {"ratio": 0.8}}}, {"timing"}),
        (
            {"overlap": {**METRICS["overlap"], "roll_rate": {"ratio": 0.8}}},
            {"features", "hats_roll"},
        ),
        ({"copies": {"2_bars": {"generated": 0.01, "held_out": 0.0}}}, {"copies_2_bars"}),
        ({"snare_on_3": {"generated": 0.89}}, {"snare_on_3"}),
        (
            {"bar_closure": {"1.0": {"share": 0.99, "bars": 9}, "1.2": {"share": 0.9, "bars": 9}}},
            {"bars_closed_1.0", "bars_closed_1.2"},
        ),
        (
            {"bits_interval": {"test": {"less_lag_copy": {"low": -1.0, "high": 0.1}}}},
            {"beats_lag_copy"},
        ),
    ],
)
def test_missed_goals_are_reported(change, missed):
    goals = judge_goals({**METRICS, **change})
    assert {name for name, goal in goals.items() if not goal["holds"]} == missed


def test_every_feature_belongs_to_one_group():
    names = [*collect_features([make_loop((0, KICK))]), "hit_velocity", "hit_offset"]
    groups = group_features(names)
    assert sorted(name for group in groups.values() for name in group) == sorted(names)
    assert groups["velocity"] == ["velocity", "velocity_spread", "hit_velocity"]
    assert groups["timing"] == ["timing_spread", "hit_offset"]
    assert BAR not in groups

"""The whole evaluation, on small networks: what it returns, and what it depends on."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.networks import FINE, make_humanizer, make_network
from tests.strategies import random_loop
from trapgen.core import BAR, VOICES, EvaluateParams, GateRefusedError, Lineage
from trapgen.evaluate import NAMES, collect_features, evaluate, pick_headline
from trapgen.generate import Generator
from trapgen.report import write_curves

PASS = {"gate": "pass"}
PARAMS = EvaluateParams(generated_loops=4, seeds=2)


def make_sides():
    rng = np.random.default_rng(0)
    sides = {}
    for side, n_loops in (("train", 12), ("validation", 6), ("test", 5)):
        loops = [random_loop(rng, 2, 32, density=0.1) for _ in range(n_loops)]
        ids = [f"{side}/{at}" for at in range(n_loops)]
        sides[side] = [
            replace(loop, lineage=Lineage(loop_id=name, source_ids=(name,)))
            for loop, name in zip(loops, ids, strict=True)
        ]
    return sides


def make_generator(**changes):
    sides = make_sides()
    network = make_network(FINE, scale=0.1, **changes)
    return Generator(network, make_humanizer(32), sides["train"], "0123456789abcdef")


@pytest.fixture(scope="module")
def found():
    return evaluate(make_generator(), make_sides(), PASS, PARAMS, seed=3)


def test_everything_is_plain_json_and_finite(found):
    metrics, _ = found
    again = json.loads(json.dumps(metrics, allow_nan=False))
    assert again == metrics
    assert set(metrics) == {
        "bits_per_step", "bits_interval", "calibration", "accuracy", "bar_accuracy", "bar_closure",
        "copies", "novelty", "overlap", "snare_on_3", "goals", "curves",
        "outside", "facts", "different_bars",
    }  # fmt: skip


def test_the_headline_is_a_dozen_figures_of_the_same_evaluation(found):
    metrics = {**found[0], "learning": {"leak_gap": 0.125}}
    headline = pick_headline(metrics, 32)
    bits = metrics["bits_per_step"]
    assert headline["bits_per_step"]["test"] == {
        name: bits["test"][name] for name in ("model", "lag_copy")
    }
    assert headline["bits_per_bar"]["validation"] == 32 * bits["validation"]["model"]
    assert headline["copy_rate"] == metrics["copies"]["1_bar"]["generated"]
    assert headline["novelty"] == metrics["novelty"]["mean"]
    assert headline["learning"] == {"leak_gap": 0.125}
    missed = [name for name, goal in metrics["goals"].items() if not goal["holds"]]
    assert headline["goals"] == {
        "met": len(metrics["goals"]) - len(missed),
        "of": len(metrics["goals"]),
    }
    assert len(pd.json_normalize(headline).columns) == 12


def test_figures_stand_within_their_intervals(found):
    metrics, _ = found
    for side in ("validation", "test"):
        bits, intervals = metrics["bits_per_step"][side], metrics["bits_interval"][side]
        assert set(bits) == {"model", *NAMES}
        for name, value in bits.items():
            assert intervals[name]["low"] - 1e-9 <= value <= intervals[name]["high"] + 1e-9
        less = intervals["less_lag_copy"]
        assert less["difference"] == pytest.approx(bits["model"] - bits["lag_copy"])
        assert less["low"] <= less["difference"] <= less["high"]


def test_loops_of_every_seed_are_drawn_and_judged(found):
    metrics, drawn = found
    assert [loop.lineage.loop_id for loop in drawn] == [
        f"loop-140bpm-{seed}-{number:05d}" for seed in (3, 4) for number in (1, 2, 3, 4)
    ]
    assert {at: part["bars"] for at, part in metrics["bar_closure"].items()} == {
        "0.8": 16,
        "1.0": 32,
        "1.2": 16,
    }
    snares = collect_features(drawn)["backbeat"]
    snare = metrics["snare_on_3"]
    assert snare["generated"] == pytest.approx(snares.mean())
    seeds = sorted([snares[:4].mean(), snares[4:].mean()])
    assert [snare["seed_min"], snare["seed_max"]] == pytest.approx(seeds)
    names = {*collect_features(drawn), "hit_velocity"}
    # Nobody has played these loops.
    assert set(metrics["overlap"]) == names - {"timing_spread"}
    assert "timing" not in metrics["goals"]
    assert metrics["novelty"]["generated"]["p0"] == metrics["novelty"]["min"]
    assert set(metrics["calibration"]) == {"top_word", "voices", *(one.name for one in VOICES)}


def play(loop, rng):
    offsets = rng.uniform(-0.4, 0.4, loop.onsets.shape).astype(np.float32)
    return replace(loop, offsets=offsets)


@pytest.mark.slow
def test_timing_is_judged_where_people_play():
    rng = np.random.default_rng(0)
    sides = {side: [play(loop, rng) for loop in loops] for side, loops in make_sides().items()}
    generator = replace(make_generator(), humanizer=make_humanizer(32, offsets=True))
    metrics, drawn = evaluate(generator, sides, PASS, PARAMS, seed=3)
    assert {"timing_spread", "hit_offset"} <= set(metrics["overlap"])
    assert metrics["goals"]["timing"]["value"] == min(
        metrics["overlap"][name]["ratio"] for name in ("timing_spread", "hit_offset")
    )
    assert all(loop.offsets.any() for loop in drawn)


@pytest.mark.slow
def test_figures_show_a_network_that_never_closes_a_bar():
    silent = make_generator(words={BAR: -60.0})
    metrics, _ = evaluate(silent, make_sides(), PASS, PARAMS, seed=0)
    assert metrics["bar_accuracy"] == 0
    assert not metrics["goals"]["bars_closed_1.0"]["holds"]
    assert not metrics["goals"]["bars_closed_1.2"]["holds"]


@pytest.mark.slow
def test_figures_show_copies_of_training_loops():
    sides = make_sides()
    copies = {**sides, "train": [*sides["train"], *sides["validation"]]}
    metrics, _ = evaluate(make_generator(), copies, PASS, PARAMS, seed=0)
    # Here it is people who copy: 12 of the 22 held-out windows stand in train.
    assert metrics["copies"]["2_bars"]["held_out"] == pytest.approx(6 / 11)
    assert metrics["novelty"]["held_out_min"] == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_and_another_does_not(found):
    again, _ = evaluate(make_generator(), make_sides(), PASS, PARAMS, seed=3)
    assert again == found[0]
    other, _ = evaluate(make_generator(), make_sides(), PASS, PARAMS, seed=4)
    assert other["novelty"] != again["novelty"]
    assert other["bits_per_step"] == again["bits_per_step"]


@pytest.mark.slow
def test_sources_that_belong_together_widen_the_interval(found):
    metrics, _ = found
    sides = make_sides()
    components = {f"{side}/{at}": at % 2 for side in sides for at in range(12)}
    joined, _ = evaluate(make_generator(), sides, PASS, PARAMS, seed=3, components=components)
    widths = [
        figures["bits_interval"]["validation"]["model"]["high"]
        - figures["bits_interval"]["validation"]["model"]["low"]
        for figures in (metrics, joined)
    ]
    assert widths[1] != widths[0]
    assert joined["bits_per_step"] == metrics["bits_per_step"]


@pytest.mark.slow
def test_one_held_out_side_is_enough():
    sides = make_sides()
    del sides["validation"]
    metrics, _ = evaluate(make_generator(), sides, PASS, PARAMS, seed=3)
    assert list(metrics["bits_per_step"]) == ["test"]


def test_no_figure_on_data_that_the_audit_refused():
    with pytest.raises(GateRefusedError, match="no figure"):
        evaluate(make_generator(), make_sides(), {"gate": "refuse"}, PARAMS, seed=0)


def test_curves_are_the_figures_as_tables(found, tmp_path):
    metrics, drawn = found
    write_curves(tmp_path, metrics)

    def read(name):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    ratios = [float(row["ratio"]) for row in read("overlap")]
    assert ratios == sorted(ratios)
    assert len(ratios) == len(metrics["overlap"])
    distances = read("distances")
    assert sum(float(row["generated"]) for row in distances) == pytest.approx(1, abs=1e-4)
    assert len(metrics["curves"]["distances"]) == len(drawn) + 11
    assert {row["n"] for row in read("reliability_kick")} <= {str(n) for n in range(20, 705)}
    assert set(read("reliability_word")[0]) == {"predicted", "word", "n"}

"""The plan of experiments holds, and a tiny one runs as they all do."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments.page import fill, protocols_table, sizes_table, songs_table, write_page
from experiments.plan import PLAN
from experiments.recipe import learn
from experiments.stage import read_curve, write_curve
from experiments.study import describe, measure_overlap, part_windows, study
from experiments.workspace import copy_pack, make_workspace
from trapgen.core import BAR, Codec, ParameterError, TrainParams
from trapgen.dataset import augment_sides, split_sources
from trapgen.model import ModelSpec
from trapgen.model.training import make_windows

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "params.yaml"
TINY = {"paper_units": 8, "paper_stride": 64, "paper_window": 40, "epochs": 3}


def read_base():
    return yaml.safe_load(BASE.read_text(encoding="utf-8"))


@pytest.fixture
def tiny(tmp_path):
    """An experiment's parameters, cut down."""
    params = PLAN["trap-by-source"].params(BASE, tmp_path)
    return replace(
        params,
        grid=replace(params.grid, steps_per_bar=32),
        augment=replace(params.augment, train_loops=40, validation_loops=12),
        audit=replace(params.audit, chance_replicates=3, self_test_leaks=3),
        train=replace(params.train, **TINY),
    )


def deal(corpus, components, params, protocol):
    split = replace(params.split, protocol=protocol)
    rng = np.random.default_rng(0)
    parts = [loop for loop in corpus if loop.lineage.role != "full"]
    mine = components[[loop.lineage.role != "full" for loop in corpus]]
    sides = split_sources(parts, split, rng, mine)
    return parts, augment_sides(parts, sides, params.augment, split, rng), split


@pytest.mark.parametrize("name", PLAN)
def test_every_experiment_has_parameters_that_hold(name, tmp_path):
    experiment = PLAN[name]
    params = experiment.params(BASE, tmp_path)
    spec = ModelSpec.of(params.train, Codec(params.grid.steps_per_bar))
    assert (spec.architecture, spec.layers, spec.units) == (
        "paper",
        experiment.changes["train.paper_layers"],
        experiment.changes["train.paper_units"],
    )
    # As DVC sets them: the text behind the sign is YAML.
    assert experiment.arguments[::2] == ["--set-param"] * len(experiment.changes)
    told = dict(pair.split("=") for pair in experiment.arguments[1::2])
    assert {key: yaml.safe_load(value) for key, value in told.items()} == experiment.changes


def test_a_change_of_what_is_not_there_is_refused():
    experiment = replace(PLAN["metallica"], changes={"train.paper_depth": 3})
    with pytest.raises(KeyError, match="paper_depth"):
        experiment.apply(read_base())


def test_the_paper_network_has_the_sizes_of_its_parameters():
    published = ModelSpec.of(TrainParams(architecture="paper"), Codec(16))
    assert (published.layers, published.units, published.dropout) == (3, 512, 0.2)
    small = TrainParams(architecture="paper", paper_layers=1, paper_units=5)
    assert ModelSpec.of(small, Codec(16)) == ModelSpec("paper", 1, 5, 0.2, 0, 16)


def test_windows_belong_to_the_side_of_the_word_they_ask_for(corpus, components, tiny):
    _, sided, split = deal(corpus, components, tiny, "random_windows")
    spec = ModelSpec.of(tiny.train, Codec(32))
    parted = part_windows(sided, spec, split, tiny.train, 0)
    every = [parted.learned, parted.control, parted.validation]
    sides = [{sided[at][0] for at in part.loop.tolist()} for part in every]
    assert sides == [{"train"}, {"train"}, {"validation"}]
    # One text for all: what is held out follows on what is learned.
    words = [loop.onsets for _, loop in sided]
    assert sum(map(len, every)) == len(range(0, len(words) * 33 - 40, 64))
    assert not set(parted.learned.bar[:, -1]) & set(parted.control.bar[:, -1])


def test_sides_dealt_before_are_texts_of_their_own(corpus, components, tiny):
    _, sided, split = deal(corpus, components, tiny, "by_source")
    spec = ModelSpec.of(tiny.train, Codec(32))
    parted = part_windows(sided, spec, split, tiny.train, 0)
    n_tokens = {"train": 40 * 4 * 33, "validation": 12 * 4 * 33}
    n_windows = {side: len(range(0, n - 40, 64)) for side, n in n_tokens.items()}
    assert len(parted.learned) + len(parted.control) == n_windows["train"]
    assert len(parted.validation) == n_windows["validation"]
    with pytest.raises(ParameterError):
        part_windows([one for one in sided if one[0] == "train"], spec, split, tiny.train, 0)


def test_the_recipe_learns_what_follows_a_window():
    # Four words in turn: the last of a window decides the next.
    rounds = np.tile([0, 64, 256, 320], 24)
    params = TrainParams(
        architecture="paper", paper_layers=2, paper_units=12, paper_window=20, paper_stride=1,
        epochs=12, batch_size=16, learning_rate=0.02,
    )  # fmt: skip
    spec = ModelSpec.of(params, Codec(16))
    windows = make_windows([rounds] * 2, spec, params)
    epochs = list(learn(windows, {"all": windows}, spec, params, 0))
    assert [epoch.epoch for epoch in epochs] == list(range(1, 13))
    assert epochs[-1].bits["all"] < 0.1 < 1 < epochs[0].bits["all"] < 2.5
    starts = windows.inputs.previous[:17]
    written = epochs[-1].write(starts, 34, np.random.default_rng(0))
    assert written.shape == (17, 34)
    # However well it counts to 16, BAR is passed over in turning.
    words = [np.searchsorted(rounds[:4], row[row < BAR]) for row in written]
    in_turn = np.concatenate([(row[1:] - row[:-1]) % 4 == 1 for row in words])
    assert in_turn.mean() > 0.9
    again, *_ = learn(windows, {"all": windows}, spec, params, 0)
    assert again.bits == epochs[0].bits


@pytest.mark.slow
def test_a_tiny_experiment_runs_to_its_tables(corpus, components, tiny, tmp_path):
    results = {}
    for name, protocol in (
        ("trap-random-windows", "random_windows"), ("trap-by-source", "by_source")
    ):  # fmt: skip
        sources, sided, split = deal(corpus, components, tiny, protocol)
        params = replace(tiny, split=split)
        curve = list(study(sided, params))
        assert [row["epoch"] for row in curve] == [1, 2, 3]
        assert curve[-1]["train"] < curve[0]["train"] < 9
        write_curve(tmp_path / "curve.csv", curve)
        results[name] = {
            "parameters": dict(PLAN[name].changes),
            "overlap": measure_overlap(sided, sources, params),
            "text": {"hits": 5.0, "empty": 0.5},
            "curve": read_curve(tmp_path / "curve.csv"),
        }
        assert results[name]["curve"][-1] == pytest.approx(curve[-1], rel=1e-5)
    lie, clean = (result["overlap"] for result in results.values())
    assert lie["gate"] == "refuse"
    assert lie["shared_source_pairs"] > clean["shared_source_pairs"] == 0
    assert lie["exact_bar_overlap"] > clean["exact_bar_overlap"] + 0.3
    results["metallica"] = {**results["trap-by-source"]}
    page = tmp_path / "page.md"
    marks = "".join(f"<!-- {name} -->\n<!-- end -->\n" for name in ("songs", "protocols", "sizes"))
    page.write_text(marks)
    write_page(results, page, tmp_path)
    tables = (
        songs_table(results["metallica"]),
        protocols_table(
            {name: results[name] for name in ("trap-random-windows", "trap-by-source")}
        ),
    )
    for row in (*tables[0], *tables[1], *sizes_table({"trap-by-source": results["metallica"]})):
        assert row in page.read_text()
    # Written again, it is the same page.
    before = page.read_text()
    write_page(results, page, tmp_path)
    assert page.read_text() == before
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "songs.png", "protocols.png", "sizes.png"
    }  # fmt: skip


def test_bars_are_counted_as_the_network_wrote_them():
    start = [BAR, 0, 0, 0, 0, BAR, 0, 0]
    closing = [[256, 0, BAR, 64, 320, 0, 0, BAR, 0], [0, BAR, BAR, 1, 0, 0, 0, BAR, 0]]
    found = describe(np.array([start] * 2), np.array(closing), 4)
    # Bars of 4 and 4 steps, of 3, 0 and 4; what is cut off at the end is none.
    assert found["closed"] == 3 / 5
    assert found["bar_length"] == 4
    words = 7 + 6
    assert found["hits"] == pytest.approx(4 * (1 + 1 + 2 + 1) / words)
    assert found["empty"] == pytest.approx((words - 4) / words)
    never = describe(np.array([start]), np.array([[0] * 9]), 4)
    assert never == {"closed": 0.0, "bar_length": 11.0, "hits": 0.0, "empty": 1.0}


def test_a_table_has_one_place():
    with pytest.raises(ValueError, match="0 places"):
        fill("nothing", "songs", ["| a |"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_workspace_is_a_pipeline_with_two_stages_more(tmp_path):
    folder = tmp_path / "workspace"
    make_workspace(folder)
    stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    known = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(stages) == [*known, "overlap", "learn"]
    for name in ("overlap", "learn"):
        params = [key.split(".")[0] for key in stages[name]["params"]]
        assert set(params) <= set(read_base())
        made = {out for stage in known.values() for out in stage.get("outs", ())}
        for path in stages[name]["deps"]:
            assert path in made or (folder / path).exists()
    pack = tmp_path / "pack"
    (pack / "Kick").mkdir(parents=True)
    (pack / "Kick/01_Kick.mid").write_bytes(b"one")
    (pack / "notes.txt").write_text("two")
    copy_pack(pack, folder / "data/packs/pack")
    copied = [path.name for path in (folder / "data/packs/pack").rglob("*") if path.is_file()]
    assert copied == ["01_Kick.mid"]
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True
    )
    # Nobody's MIDI gets into a commit.
    assert status.stdout == ""

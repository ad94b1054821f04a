"""The plan of experiments holds, and a tiny one runs as they all do."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments.page import fill, protocols_table, sizes_table, songs_table, write_page
from experiments.plan import PLAN
from experiments.recipe import Recipe, build, hold_out, learn, slide_window
from experiments.stage import read_curve, write_curve
from experiments.study import describe, measure_overlap, part_windows, study
from experiments.workspace import copy_pack, make_workspace
from trapgen.core import BAR, ParameterError, add_bars, load_params
from trapgen.dataset import augment_sides, split_sources
from trapgen.model.training import make_lstm

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "params.yaml"
TINY = Recipe(layers=1, units=8, window=40, stride=64, batch_size=64, learning_rate=0.005, epochs=3)


def read_base():
    return yaml.safe_load(BASE.read_text(encoding="utf-8"))


def read_params(experiment, folder):
    """The parameters of an experiment as the pipeline reads them, each one of `params.yaml`."""
    content = read_base()
    for key, value in experiment.changes.items():
        section, name = key.split(".")
        assert name in content[section], key
        content[section][name] = value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_params(path)


@pytest.fixture
def tiny(tmp_path):
    """An experiment's parameters, cut down."""
    params = read_params(PLAN["trap-by-source"], tmp_path)
    return replace(
        params,
        grid=replace(params.grid, steps_per_bar=32),
        augment=replace(params.augment, train_loops=40, validation_loops=12),
        audit=replace(params.audit, chance_replicates=3, self_test_leaks=3),
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
    assert read_params(experiment, tmp_path).grid.steps_per_bar == 16
    # As DVC sets them: the text behind the sign is YAML.
    assert experiment.arguments[::2] == ["--set-param"] * len(experiment.parameters)
    told = dict(pair.split("=") for pair in experiment.arguments[1::2])
    set_values = {
        key.replace("recipe.yaml:", "recipe."): yaml.safe_load(value) for key, value in told.items()
    }
    assert set_values == experiment.parameters


def test_the_network_has_the_sizes_of_the_recipe():
    published = Recipe()
    assert (published.layers, published.units, published.window) == (3, 512, 256)
    model = build(2, 5, 7)
    shapes = [tuple(weight.shape) for weight in model.trainable_weights]
    assert shapes == [(7, 20), (5, 20), (20,), (5, 20), (5, 20), (20,), (5, 7), (7,)]
    assert model(np.zeros((3, 4), np.int64)).shape == (3, 7)
    assert build(2, 5, 7, partial(make_lstm, scans=True))(np.zeros((3, 4), np.int64)).shape == (
        3, 4, 7
    )  # fmt: skip


@pytest.mark.parametrize("stride", [1, 3])
def test_the_window_slides_over_one_text(stride):
    loops = [np.arange(48), np.arange(48, 80)]
    stream = np.concatenate([add_bars(words, 16) for words in loops])
    windows = slide_window(loops, 16, 20, stride)
    np.testing.assert_array_equal(windows.target, stream[20::stride])
    for row, (told, target) in enumerate(zip(windows.told, windows.target, strict=True)):
        start = row * stride
        np.testing.assert_array_equal(told, stream[start : start + 20])
        assert target == stream[start + 20]
    # The words count up: each says which bar it stands in, and which loop.
    is_word = windows.target != BAR
    np.testing.assert_array_equal(windows.bar[is_word], windows.target[is_word] // 16)
    np.testing.assert_array_equal(windows.loop, windows.bar // 3)


def test_the_control_is_windows_whose_target_stands_in_a_held_out_bar():
    windows = slide_window([np.repeat(np.arange(20), 16)], 16, 20, 3)
    learned, control = hold_out(windows, 0.25, np.random.default_rng(0))
    assert len(learned) + len(control) == len(windows)
    asked = [set(part.target[part.target != BAR].tolist()) for part in (learned, control)]
    assert not asked[0] & asked[1]
    assert asked[1]
    # The window reaches over more than a bar: what comes later is learned with it.
    assert asked[1] & set(learned.told.ravel().tolist())


def test_the_default_stride_meets_every_place_in_the_bar():
    for steps_per_bar in (16, 24, 32, 48, 96):
        places = np.arange(0, 99 * (steps_per_bar + 1), Recipe().stride)
        met = set((places % (steps_per_bar + 1)).tolist())
        assert met == set(range(steps_per_bar + 1)), steps_per_bar


def test_a_text_no_longer_than_the_window_is_refused():
    with pytest.raises(ParameterError, match=r"window must be below the 17 tokens"):
        slide_window([np.zeros(16, np.int64)], 16, 17, 1)
    with pytest.raises(ParameterError, match="at least one"):
        slide_window([], 16, 17, 1)


def test_windows_belong_to_the_side_of_the_word_they_ask_for(corpus, components, tiny):
    _, sided, split = deal(corpus, components, tiny, "random_windows")
    parted = part_windows(sided, 32, split, TINY, 0)
    every = [parted.learned, parted.control, parted.validation]
    sides = [{sided[at][0] for at in part.loop.tolist()} for part in every]
    assert sides == [{"train"}, {"train"}, {"validation"}]
    # One text for all: what is held out follows on what is learned.
    words = [loop.onsets for _, loop in sided]
    assert sum(map(len, every)) == len(range(0, len(words) * 33 - 40, 64))
    assert not set(parted.learned.bar) & set(parted.control.bar)


def test_sides_dealt_before_are_texts_of_their_own(corpus, components, tiny):
    _, sided, split = deal(corpus, components, tiny, "by_source")
    parted = part_windows(sided, 32, split, TINY, 0)
    n_tokens = {"train": 40 * 4 * 33, "validation": 12 * 4 * 33}
    n_windows = {side: len(range(0, n - 40, 64)) for side, n in n_tokens.items()}
    assert len(parted.learned) + len(parted.control) == n_windows["train"]
    assert len(parted.validation) == n_windows["validation"]
    with pytest.raises(ParameterError):
        part_windows([one for one in sided if one[0] == "train"], 32, split, TINY, 0)


@pytest.mark.slow
def test_the_recipe_learns_what_follows_a_window():
    # Four words in turn: the last of a window decides the next.
    rounds = np.tile([0, 64, 256, 320], 24)
    recipe = Recipe(2, 12, window=20, stride=1, epochs=12, batch_size=16, learning_rate=0.02)
    windows = slide_window([rounds] * 2, 16, recipe.window, recipe.stride)
    epochs = list(learn(windows, {"all": windows}, recipe, 0))
    assert [epoch.epoch for epoch in epochs] == list(range(1, 13))
    assert epochs[-1].bits["all"] < 0.1 < 1 < epochs[0].bits["all"] < 2.5
    starts = windows.told[:17]
    written = epochs[-1].write(starts, 34, np.random.default_rng(0))
    assert written.shape == (17, 34)
    # However well it counts to 16, BAR is passed over in turning.
    words = [np.searchsorted(rounds[:4], row[row < BAR]) for row in written]
    in_turn = np.concatenate([(row[1:] - row[:-1]) % 4 == 1 for row in words])
    assert in_turn.mean() > 0.9
    again, *_ = learn(windows, {"all": windows}, recipe, 0)
    assert again.bits == epochs[0].bits


@pytest.mark.slow
def test_a_tiny_experiment_runs_to_its_tables(corpus, components, tiny, tmp_path):
    results = {}
    for name, protocol in (
        ("trap-random-windows", "random_windows"), ("trap-by-source", "by_source")
    ):  # fmt: skip
        sources, sided, split = deal(corpus, components, tiny, protocol)
        params = replace(tiny, split=split)
        curve = list(study(sided, params, TINY))
        assert [row["epoch"] for row in curve] == [1, 2, 3]
        assert curve[-1]["train"] < curve[0]["train"] < 9
        write_curve(tmp_path / "curve.csv", curve)
        results[name] = {
            "parameters": PLAN[name].parameters,
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
        params = {key for key in stages[name]["params"] if isinstance(key, str)}
        assert params <= set(read_base())
        # An output is a path, or a path with options.
        made = {
            path
            for stage in known.values()
            for out in stage.get("outs", ())
            for path in ([out] if isinstance(out, str) else out)
        }
        for path in stages[name]["deps"]:
            assert path in made or (folder / path).exists()
    assert {"recipe.yaml": None} in stages["learn"]["params"]
    assert Recipe(**yaml.safe_load((folder / "recipe.yaml").read_text())) == Recipe()
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

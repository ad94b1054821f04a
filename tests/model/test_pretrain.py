"""Making a packaged model on a few of Groove's performances and of the starter's loops."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import pytest

from training.pretrain.sides import Side, read_groove, read_starter
from trapgen.core import SIDES
from trapgen.generate import load_generator
from trapgen.ingest import CREDIT
from trapgen.model import list_styles
from trapgen.model.training import read_history

SHORT_BARS = 4
PER_SIDE = 12


@pytest.fixture(scope="module")
def groove(shared):
    """The whole dataset by published side."""
    return read_groove(shared / "data/groove", 16)


@pytest.fixture(scope="module")
def starter():
    return read_starter(16, 40, seed=0)


def first_short(side):
    at = [i for i, loop in enumerate(side.loops) if loop.n_bars <= SHORT_BARS][:PER_SIDE]
    return Side([side.loops[i] for i in at], [side.names[i] for i in at])


def test_the_published_split_is_kept_and_nothing_else_is_counted(groove):
    # The 1,138 performances in 4/4 of its info.csv.
    assert [len(groove[side].loops) for side in SIDES] == [887, 122, 129]
    kinds = {names[3] for side in groove.values() for names in side.names}
    assert kinds == {"kind:beat", "kind:fill"}
    assert all(names[0] for side in groove.values() for names in side.names)


def test_the_starter_is_told_trap_and_its_sides_share_no_source(starter):
    assert {names[0] for side in starter.sides.values() for names in side.names} == {"style:trap"}
    assert "style:trap/drill" in {names[1] for names in starter.sides["train"].names}
    sources = [
        {source for loop in starter.sides[side].loops for source in loop.lineage.source_ids}
        for side in SIDES
    ]
    assert not sources[0] & sources[1]
    assert not sources[0] & sources[2]
    assert len(starter.sides["train"].loops) > 40


@pytest.mark.slow
def test_a_pretraining_leaves_a_model_with_its_figures_and_card(
    groove, starter, tmp_path, monkeypatch, capsys
):
    few = {side: first_short(groove[side]) for side in SIDES}
    command = import_module("training.pretrain.__main__")
    hits = import_module("training.pretrain.learn_humanizer")
    figures_of = import_module("training.pretrain.figures")
    monkeypatch.setattr(command, "read_groove", lambda *_: few)
    monkeypatch.setattr(command, "read_starter", lambda *_: starter)
    monkeypatch.setattr(command, "PARAMS", replace(command.PARAMS, averaging=5))
    monkeypatch.setattr(hits, "UNITS", 8)
    monkeypatch.setattr(hits, "EPOCHS", 1)
    monkeypatch.setattr(
        figures_of, "EvaluateParams", lambda: figures_of_params(generated_loops=4, seeds=2)
    )
    out = tmp_path / "model"
    command.main([
        "groove", "--out", str(out), "--steps-per-bar", "16", "--epochs", "2", "--units", "8",
    ])  # fmt: skip
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads((out / "figures.json").read_text())
    assert figures["n_bars"]["groove"] == {side: few[side].n_bars for side in SIDES}
    for bits in (figures["groove"][side] for side in ("validation", "test")):
        assert 0 < bits["model"] < 9
        assert 0 < bits["lag_copy"] < 9
        assert bits["model"] != bits["model_told_nothing"]
    assert len(read_history(out / "history.csv")) == 2
    generator = load_generator(out)
    styles = list_styles(generator.network.spec)
    assert {"trap", "trap/drill"} < set(styles)
    assert len(generator.training_loops) >= len(starter.sides["train"].loops) + PER_SIDE
    card = (out / "MODEL_CARD.md").read_text()
    assert CREDIT.strip() in card
    assert all(f"`{style}`" in card for style in styles)
    for bits in (figures["groove"]["test"], figures["starter"]["bits_per_step"]["test"]):
        assert f"| {bits['model']:.3f} | {bits['lag_copy']:.3f} | {bits['ngram']:.3f} |" in card
    for goal in figures["starter"]["goals"].values():
        assert f"| {goal['value']:.3f} |" in card


def figures_of_params(**changes):
    from trapgen.core import EvaluateParams

    return replace(EvaluateParams(), **changes)

"""Pretraining on a few of Groove's performances, by its published split."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from trapgen import pretrain
from trapgen.codec import to_text
from trapgen.model import load_network
from trapgen.params import SIDES
from trapgen.train import read_history

SHORT_BARS = 4
PER_SIDE = 12


@pytest.fixture(scope="module")
def sides(shared):
    """The whole dataset by published side."""
    return pretrain.read_groove(shared / "data/groove", 16)


def first_short(side):
    at = [i for i, loop in enumerate(side.loops) if loop.n_bars <= SHORT_BARS][:PER_SIDE]
    return pretrain.Side([side.loops[i] for i in at], [side.names[i] for i in at])


def test_the_published_split_is_kept_and_nothing_else_is_counted(sides):
    # The 1,138 performances in 4/4 of its info.csv.
    assert [len(sides[side].loops) for side in SIDES] == [887, 122, 129]
    kinds = {names[3] for side in sides.values() for names in side.names}
    assert kinds == {"kind:beat", "kind:fill"}
    assert all(names[0] for side in sides.values() for names in side.names)


def test_a_pretraining_leaves_a_network_with_its_figures(sides, tmp_path, monkeypatch, capsys):
    few = {side: first_short(sides[side]) for side in SIDES}
    monkeypatch.setattr(pretrain, "read_groove", lambda _folder, _steps: few)
    monkeypatch.setattr(pretrain, "PARAMS", replace(pretrain.PARAMS, units=8, averaging=5))
    text = tmp_path / "loops.txt"
    text.write_text(to_text(np.tile([256, 0, 64, 0], 8), 16) + "\n")
    out = tmp_path / "model"
    pretrain.main([
        "groove", "--out", str(out), "--epochs", "2", "--units", "8", "--text", str(text),
    ])  # fmt: skip
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads((out / "figures.json").read_text())
    assert figures["n_bars"] == {
        side: sum(loop.n_bars for loop in few[side].loops) for side in SIDES
    }
    for bits in (figures["bits_per_step"][side] for side in ("validation", "test")):
        assert 0 < bits["model"] < 9
        assert 0 < bits["ngram"] < 9
        assert bits["model"] != bits["model_told_nothing"]
    network = load_network(out)
    assert {"kind:fill", "style:trap"} <= set(network.spec.conditions)
    again = tmp_path / "again"
    pretrain.main([
        "groove", "--out", str(again), "--epochs", "1", "--variations", "0", "--start", str(out),
    ])  # fmt: skip
    assert load_network(again).spec == network.spec
    history = [read_history(folder / "history.csv") for folder in (out, again)]
    assert history[1][0].train < history[0][0].train
    assert "Gillick" in (out / "ATTRIBUTION.md").read_text()

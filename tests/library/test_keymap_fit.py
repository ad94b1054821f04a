"""The fit of the key maps' numbers: on made features, and on a few performances of Groove."""

from __future__ import annotations

import numpy as np
import pytest

from training.keymap.__main__ import write_groove
from training.keymap.cases import move, read_split
from training.keymap.readings import choose_sure, fit_weights, gather_cases, read_cases
from training.keymap.voices import fit_voices
from trapgen.core import CLOSED_HAT, KICK, SNARE, key_map
from trapgen.ingest.keymap.evidence import expand, groove_table
from trapgen.ingest.keymap.groove_statistics import GROOVE, sure_from
from trapgen.ingest.keymap.rhythm_features import FEATURES
from trapgen.ingest.keymap.weights import groove_weights


def test_the_regression_learns_what_separates():
    rng = np.random.default_rng(0)
    voices = np.repeat([KICK, SNARE, CLOSED_HAT], 40)
    features = rng.normal(0, 0.1, (120, len(FEATURES)))
    features[:, 0] += voices
    table = fit_voices(features, voices)
    assert table.weights.shape == (2 * len(FEATURES) + 1, 9)
    assert np.exp(table.prior)[[KICK, SNARE, CLOSED_HAT]] == pytest.approx(1 / 3)
    logits = expand(features, table.mean, table.deviation) @ table.weights
    assert (logits.argmax(1) == voices).all()


def test_the_numbers_in_the_package_are_as_they_were_written(tmp_path):
    write_groove(tmp_path / "groove.json", groove_table(), groove_weights(), sure_from())
    assert (tmp_path / "groove.json").read_bytes() == GROOVE.read_bytes()


def test_a_performance_moves_to_another_map(shared):
    performance = read_split(shared / "data" / "groove", "train")[0]
    for name in ("gm", "pads_c1"):
        table = key_map(name)
        moved, voices = move(performance, table)
        assert (table.column_of[moved.pitches] == voices).all()
        assert not moved.channels.any()
    assert len(moved) < len(performance.strikes)


def test_weights_are_learned_again_and_alike(shared):
    performances = read_split(shared / "data" / "groove", "train")[::60]
    cases = gather_cases(performances, dict.fromkeys({p.drummer for p in performances}))
    weights = fit_weights(cases)
    assert (weights.rhythm == fit_weights(cases).rhythm).all()
    _, is_right = read_cases(cases, weights)
    assert is_right.mean() > 0.9
    assert weights.rhythm[0] > 0
    assert weights.of_map[0] < 0


def test_sure_is_where_the_rest_is_unsure():
    confidence = np.array([0.95] * 90 + [0.9, 0.85, *[0.7] * 8])
    is_right = np.array([True] * 90 + [False] * 10)
    assert choose_sure(confidence, is_right, unsure=0.9) == 0.86
    assert choose_sure(confidence, is_right, unsure=1.0) == 0.91

"""The learning curve's table, and distances to the nearest training loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trapgen.core import TableError, to_loop
from trapgen.model.training import (
    Epoch,
    best_epoch,
    describe_learning,
    measure_distances,
    read_history,
    validation_distance,
    write_history,
)
from trapgen.model.training.validation_distance import part_by_distance
from trapgen.similarity import find_pairs

HISTORY = (
    Epoch(1, 3.0, 2.5, 2.375, 2.25, 2.5, 2.75, seconds=4.2),
    Epoch(2, 1.5, 1.75, 1.25, 1.5, 1.75, 2.0, seconds=3.1),
    Epoch(3, 1.25, 2.0, 0.75, 1.5, 2.0, 2.5, seconds=3.2),
)
LOSS = st.integers(0, 9_000_000).map(lambda millionths: millionths / 1e6)


def test_the_gap_is_how_much_better_the_leaking_control_looks():
    assert [epoch.leak_gap for epoch in HISTORY] == [0.125, 0.5, 1.25]
    # Clean validation decides, not the control, which only falls.
    assert best_epoch(HISTORY).epoch == 2
    assert HISTORY[1].losses == {
        "train": 1.5,
        "validation": 1.75,
        "control_loss": 1.25,
        "validation_near": 1.5,
        "validation_middle": 1.75,
        "validation_far": 2.0,
        "leak_gap": 0.5,
    }


def test_the_table_has_a_row_an_epoch_and_no_seconds(tmp_path):
    path = tmp_path / "history.csv"
    write_history(path, [HISTORY[0], Epoch(2, 1.5, 1.75, 1.25, 1.5)])
    assert path.read_text().splitlines() == [
        "epoch,train,validation,control_loss,"
        "validation_near,validation_middle,validation_far,leak_gap",
        "1,3.000000,2.500000,2.375000,2.250000,2.500000,2.750000,0.125000",
        "2,1.500000,1.750000,1.250000,1.500000,,,0.500000",
    ]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(LOSS, LOSS, LOSS, *[st.none() | LOSS] * 3), min_size=1, max_size=4))
def test_what_is_written_is_read(rows, tmp_path):
    history = tuple(Epoch(at, *row) for at, row in enumerate(rows, start=1))
    write_history(tmp_path / "history.csv", history)
    assert read_history(tmp_path / "history.csv") == history


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "unreadable"),
        (b"\xff\xfe\xfd", "unreadable"),
        ("", "columns"),
        ("epoch,train,validation\n1,2.0,2.0\n", "columns"),
        ("{columns}\n", "empty"),
        ("{columns}\n1,2.0,,2.0,,,,\n", "value"),
        ("{columns}\none,2.0,2.0,2.0,,,,0\n", "value"),
        ("{columns}\n1,2.0\n", "value"),
    ],
)
def test_a_broken_table_is_refused(text, rule, tmp_path):
    path = tmp_path / "history.csv"
    if text is not None:
        write_history(path, HISTORY)
        columns = path.read_text().splitlines()[0]
        path.write_bytes(text if isinstance(text, bytes) else text.format(columns=columns).encode())
    with pytest.raises(TableError) as caught:
        read_history(path)
    assert caught.value.rule == rule


def test_the_figures_are_those_of_the_epoch_that_was_kept():
    distances = np.array([0.9, 0.1, 0.5, 0.3, 0.7])
    assert describe_learning(HISTORY, distances) == {
        "best_epoch": 2,
        "train": 1.5,
        "validation": 1.75,
        "control_loss": 1.25,
        "leak_gap": 0.5,
        "first_leak_gap": 0.125,
        "by_distance": {
            "near": {"n_loops": 2, "distance": pytest.approx(0.2), "bits_per_step": 1.5},
            "middle": {"n_loops": 2, "distance": pytest.approx(0.6), "bits_per_step": 1.75},
            "far": {"n_loops": 1, "distance": pytest.approx(0.9), "bits_per_step": 2.0},
        },
    }


def test_distances_are_those_of_the_search_however_it_is_cut(monkeypatch):
    rng = np.random.default_rng(0)
    train = [np.where(rng.random(16 * n) < 0.4, 256, 0) for n in (1, 2, 4, 4, 2)]
    held_out = [np.roll(train[2], 4), *(np.where(rng.random(32) < 0.4, 256, 8) for _ in range(6))]
    pairs = find_pairs(
        [to_loop(words, 16) for words in held_out], [to_loop(words, 16) for words in train], 1.0
    )
    expected = [min(pair.distance for pair in pairs if pair.left == at) for at in range(7)]
    assert expected[0] == 0
    assert min(expected[1:]) > 0
    for pairs_at_once in (2**20, 10, 1):
        monkeypatch.setattr(validation_distance, "_PAIRS_AT_ONCE", pairs_at_once)
        assert measure_distances(held_out, train, 16).tolist() == expected


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=9))
def test_thirds_hold_every_loop_once_nearest_first(distances):
    parts = part_by_distance(np.array(distances))
    assert list(parts) == ["near", "middle", "far"][: len(distances)]
    order = [at for part in parts.values() for at in part.tolist()]
    assert sorted(order) == list(range(len(distances)))
    assert [distances[at] for at in order] == sorted(distances)
    sizes = [len(part) for part in parts.values()]
    assert not sizes or max(sizes) - min(sizes) <= 1

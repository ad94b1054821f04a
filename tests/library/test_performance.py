"""What the text leaves out comes back with it, or the files are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop
from trapgen.core import KICK, SNARE, Lineage, TableError, read_arrays, write_arrays, write_lines
from trapgen.dataset import read_loops, write_performances

LOOPS = [
    make_loop((0, KICK), (8, SNARE), lineage=Lineage(style="drill")),
    make_loop((3, KICK), bars=2, velocity=7, bpm=90.5),
]


def write(folder, loops):
    write_lines(folder / "train.txt", loops)
    write_performances(folder / "train.npz", loops)
    return folder / "train.txt"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drum_loops(steps_per_bar=16), min_size=1, max_size=4), st.text(max_size=8))
def test_loops_come_back_as_they_were_played(tmp_path, loops, style):
    # numpy's fixed texts end where zeros begin.
    style = style.rstrip("\0")
    loops = [replace(loop, lineage=Lineage(style=style)) for loop in loops]
    text = write(tmp_path, loops)
    assert read_loops(text, 16) == loops
    stored = (tmp_path / "train.npz").read_bytes()
    write(tmp_path, loops)
    assert (tmp_path / "train.npz").read_bytes() == stored


def drop(arrays, name):
    del arrays[name]


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda arrays: drop(arrays, "bpm"), "arrays"),
        (lambda arrays: arrays.update(n_steps=np.array([16, 16])), "words"),
        (lambda arrays: arrays.update(velocities=np.ones(4, np.uint8)), "words"),
        (lambda arrays: arrays.update(velocities=np.full(3, 200, np.uint8)), "values"),
        (lambda arrays: arrays.update(offsets=np.ones(3, np.float32)), "values"),
        (lambda arrays: arrays.update(offsets=np.zeros(2, np.float32)), "values"),
        (lambda arrays: arrays.update(style=np.array(["trap"])), "values"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, damage, rule):
    text = write(tmp_path, LOOPS)
    arrays = read_arrays(tmp_path / "train.npz")
    damage(arrays)
    write_arrays(tmp_path / "train.npz", arrays)
    with pytest.raises(TableError) as caught:
        read_loops(text, 16)
    assert caught.value.rule == rule


def test_a_missing_file_is_named(tmp_path):
    text = write(tmp_path, LOOPS)
    (tmp_path / "train.npz").unlink()
    with pytest.raises(TableError, match=r"train\.npz"):
        read_loops(text, 16)

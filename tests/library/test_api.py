"""The public face: its names, its examples, how light it is, and pretty_midi there and back."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given

import trapgen
from tests.strategies import drum_loops
from trapgen import DrumLoop, api
from trapgen.core import ParameterError

ROOMS = (
    "audit cli core dataset evaluate factory generate ingest midi model render report similarity"
)


def test_the_face_names_what_it_has_and_no_room():
    assert set(api.__all__) < set(trapgen.__all__)
    assert all(getattr(trapgen, name) is not None for name in trapgen.__all__)
    assert not set(trapgen.__all__) & set(ROOMS.split())
    assert dir(trapgen) == sorted(trapgen.__all__)
    with pytest.raises(AttributeError, match="no attribute 'generate_midi'"):
        _ = trapgen.generate_midi


@pytest.mark.parametrize(
    "module", [pytest.param("trapgen.api", marks=pytest.mark.slow), "trapgen.core.loop"]
)
def test_the_examples_of_the_face_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted >= 3
    assert not found.failed


@pytest.mark.parametrize("name", [name for name in api.__all__ if name != "DrumLoop"])
def test_every_function_of_the_face_has_an_example(name):
    assert ">>>" in getattr(api, name).__doc__


def test_importing_the_face_loads_no_library_of_numbers():
    code = (
        "import sys, trapgen; print({'numpy', 'pandas', 'scipy', 'onnxruntime'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


@given(drum_loops(max_hits=60))
def test_pretty_midi_there_and_back_is_the_same_loop(loop):
    again = DrumLoop.from_pretty_midi(loop.to_pretty_midi(), loop.steps_per_bar)
    np.testing.assert_array_equal(again.velocities, loop.velocities)
    assert again.n_bars == loop.n_bars
    assert again.bpm == pytest.approx(loop.bpm, rel=1e-4)
    # What begins before the file does is written at its start; a tick is a 960th of a quarter.
    within = loop.offsets.copy()
    within[0] = np.maximum(within[0], 0)
    tick_steps = loop.steps_per_bar / 4 / 960
    assert np.abs(again.offsets - within).max() <= 1.01 * tick_steps


def test_what_has_no_drum_notes_is_refused():
    midi = DrumLoop(np.eye(32, 9, dtype=np.uint8)).to_pretty_midi()
    midi.instruments[0].is_drum = False
    with pytest.raises(ParameterError, match="drum notes on General MIDI keys"):
        DrumLoop.from_pretty_midi(midi)
    with pytest.raises(ParameterError, match="steps_per_bar"):
        DrumLoop.from_pretty_midi(midi, 17)


def test_unknown_options_are_refused_by_name():
    with pytest.raises(ParameterError, match="by_name"):
        trapgen.read_midi("x.mid", grid=16)
    with pytest.raises(ParameterError, match="n_loops"):
        trapgen.generate_loops(None, loops=3)

"""What was written once is read forever, and written the same: files of this folder.

`python tests/golden/test_golden.py` writes them anew, after a change that is meant to change them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from trapgen.core import DrumLoop, SampleParams, StandardizeParams, add_bars, to_text, to_words
from trapgen.generate import sample_words
from trapgen.ingest import read_loop
from trapgen.midi import write_loop
from trapgen.model import ModelSpec, Network, load_network, save_network, weight_shapes

FOLDER = Path(__file__).parent
SPEC = ModelSpec(2, 3, 0.1, 1, 16, 2, 2, 3, ("kind:beat", "kind:fill"))
DRAW = SampleParams(loops=3, bars=2, temperature=1.2, top_p=0.98)


def make_loop():
    """Two bars that hold every voice, every loudness and some microtiming."""
    step, voice = np.mgrid[:32, :9]
    sounds = (step * 7 + voice * 5) % 11 < 3
    velocities = np.where(sounds, (step * 31 + voice * 17) % 127 + 1, 0)
    # In ticks of a written file, none of them before its start.
    offsets = np.where(step > 0, (step * 13 + voice * 29) % 240 - 120, 0) / 240
    return DrumLoop(velocities, 16, 142.5, offsets)


def make_network():
    """Weights from a formula: no generator has a say in them."""
    weights = {
        name: np.sin(1.7 * np.arange(np.prod(shape)) + len(name)).reshape(shape).astype(np.float32)
        for name, shape in weight_shapes(SPEC).items()
    }
    return Network(SPEC, weights)


def score(network):
    tokens = add_bars(to_words(make_loop()), 16)[None]
    return network.log_probabilities(tokens)[0]


def draw(network):
    return "".join(to_text(decoded.words, 16) + "\n" for decoded in sample_words(network, DRAW, 0))


def write_golden():
    write_loop(FOLDER / "loop.mid", make_loop())
    (FOLDER / "loop.txt").write_text(to_text(to_words(make_loop()), 16) + "\n")
    save_network(FOLDER / "model", make_network())
    scores = [round(float(value), 6) for value in score(make_network())]
    (FOLDER / "log_probabilities.json").write_text(json.dumps(scores) + "\n")
    (FOLDER / "drawn.txt").write_text(draw(make_network()))


def test_a_written_loop_is_the_golden_file(tmp_path):
    write_loop(tmp_path / "loop.mid", make_loop())
    assert (tmp_path / "loop.mid").read_bytes() == (FOLDER / "loop.mid").read_bytes()


def test_the_golden_file_is_read_as_the_golden_loop():
    read = read_loop(FOLDER / "loop.mid", StandardizeParams(16)).loop
    np.testing.assert_array_equal(read.velocities, make_loop().velocities)
    np.testing.assert_allclose(read.offsets, make_loop().offsets, atol=1e-6)
    assert read.bpm == 142.5
    assert to_text(to_words(read), 16) + "\n" == (FOLDER / "loop.txt").read_text()


def test_a_written_model_is_the_golden_model(tmp_path):
    save_network(tmp_path, make_network())
    for path in (FOLDER / "model").iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_log_probabilities_are_the_golden_ones():
    expected = json.loads((FOLDER / "log_probabilities.json").read_text())
    np.testing.assert_allclose(score(load_network(FOLDER / "model")), expected, atol=1e-4)


def test_drawn_words_are_the_golden_ones():
    assert draw(load_network(FOLDER / "model")) == (FOLDER / "drawn.txt").read_text()


if __name__ == "__main__":
    write_golden()

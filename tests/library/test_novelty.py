"""What a model's loops are measured against, written and read again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trapgen.core import HITS_NAME, LOOPS_NAME, Lineage, ModelError, to_loop, to_words
from trapgen.similarity import (
    load_training_index,
    measure_novelty,
    rank_nearest,
    save_training_index,
)
from trapgen.similarity.training_index import NOVELTY_NAME, cut_passages


def make_loops(*bars, seed=0):
    rng = np.random.default_rng(seed)
    return [
        replace(to_loop(rng.integers(0, 512, n * 16), 16), lineage=Lineage(f"take-{at}"))
        for at, n in enumerate(bars)
    ]


def test_training_loops_come_back_as_they_were(tmp_path):
    loops = make_loops(1, 4, 2)
    save_training_index(tmp_path, loops, measure_novelty(make_loops(2, 1, seed=1), loops))
    index = load_training_index(tmp_path)
    assert index.loops == loops
    assert len(index.held_out) == 2
    assert (np.diff(index.held_out) >= 0).all()


def test_long_performances_are_searched_in_pieces(tmp_path):
    (take,) = make_loops(7)
    pieces = cut_passages([take], 4)
    names = [piece.lineage.loop_id for piece in pieces]
    assert names == ["take-0, bar 1", "take-0, bar 3", "take-0, bar 4"]
    held_out = [replace(pieces[1], lineage=Lineage("held out"))]
    distances = measure_novelty(held_out, [take], piece_bars=4)
    save_training_index(tmp_path, [take], distances, piece_bars=4)
    index = load_training_index(tmp_path)
    assert index.held_out.tolist() == [0]
    assert [piece.lineage.loop_id for piece in index.loops] == names
    (whole,) = load_training_index(tmp_path, whole=True).loops
    np.testing.assert_array_equal(to_words(whole), to_words(take))


def test_every_bar_of_a_performance_stands_in_a_piece():
    for n_bars in range(1, 20):
        (take,) = make_loops(n_bars)
        take = replace(take, lineage=Lineage(""))
        found = {
            bar.tobytes()
            for piece in cut_passages([take], 4)
            for bar in to_words(piece).reshape(-1, 16)
        }
        assert found == {bar.tobytes() for bar in to_words(take).reshape(-1, 16)}


def test_the_nearest_is_found_wherever_it_was_cut(tmp_path):
    (take,) = make_loops(9)
    pieces = cut_passages([take], 4)
    ((nearest, *_),) = rank_nearest([replace(pieces[2], bpm=70)], pieces)
    assert (nearest.right, nearest.distance) == (2, 0)


@pytest.mark.parametrize("name", [LOOPS_NAME, HITS_NAME, NOVELTY_NAME])
@pytest.mark.parametrize("content", [None, b"", b"nothing", b"{}", b"[]"])
def test_a_broken_training_index_is_refused_by_name(tmp_path, name, content):
    save_training_index(tmp_path, make_loops(1, 2))
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        load_training_index(tmp_path)


def test_a_model_of_an_older_version_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "reference.npz").write_bytes(b"words")
    with pytest.raises(ModelError, match=r"novelty\.json: .* Train the model again: [^.]*\.$"):
        load_training_index(tmp_path)

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


def test_a_copy_within_a_long_loop_is_found_and_its_place_is_told():
    known = make_loops(4, 16, 3, seed=2)
    long = make_loops(96, seed=3)[0]
    velocities = long.velocities.copy()
    velocities[40 * 16 : 56 * 16] = known[1].velocities
    long = replace(long, velocities=velocities, offsets=np.zeros_like(long.offsets))
    short = replace(known[2], lineage=Lineage("short"))
    nearest, exact = rank_nearest([long, short], known)
    found = nearest[0]
    assert (found.left, found.right, found.distance) == (0, 1, 0)
    assert (found.first_bar, found.n_bars) == (40, 16)
    assert [pair.distance for pair in nearest] == sorted(pair.distance for pair in nearest)
    assert sorted(pair.right for pair in nearest) == [0, 1, 2]
    assert (exact[0].left, exact[0].right, exact[0].distance, exact[0].n_bars) == (1, 2, 0, 0)


def test_up_to_64_bars_a_loop_is_compared_whole():
    known = make_loops(4, 2, seed=2)
    loops = make_loops(64, 65, seed=3)
    whole, cut_up = rank_nearest(loops, known)
    assert [pair.n_bars for pair in whole] == [0, 0]
    assert {pair.n_bars for pair in cut_up} == {16}
    assert all(0 <= pair.first_bar <= 65 - 16 for pair in cut_up)


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

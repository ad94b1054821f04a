"""What a model's loops are measured against, written and read again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trapgen.core import Lineage, ModelError, to_loop, to_words
from trapgen.generate import find_nearest, load_reference, save_reference
from trapgen.generate.novelty import cut_pieces, load_held_out


def make_loops(*bars, seed=0):
    rng = np.random.default_rng(seed)
    return [
        replace(to_loop(rng.integers(0, 512, n * 16), 16), lineage=Lineage(f"take-{at}"))
        for at, n in enumerate(bars)
    ]


@pytest.mark.parametrize("compress", [False, True])
def test_loops_come_back_with_their_names_and_words(tmp_path, compress):
    loops = make_loops(1, 4, 2)
    path = tmp_path / "reference.npz"
    save_reference(path, loops, make_loops(2, 1, seed=1), compress=compress)
    again = load_reference(path, 16)
    assert [loop.lineage.loop_id for loop in again] == ["take-0", "take-1", "take-2"]
    for loop, other in zip(loops, again, strict=True):
        np.testing.assert_array_equal(to_words(loop), to_words(other))
    distances = load_held_out(path)
    assert len(distances) == 2
    assert (np.diff(distances) >= 0).all()


def test_a_long_performance_is_measured_against_in_pieces(tmp_path):
    (take,) = make_loops(7)
    pieces = cut_pieces([take], 4)
    names = [piece.lineage.loop_id for piece in pieces]
    assert names == ["take-0, bar 1", "take-0, bar 3", "take-0, bar 4"]
    held_out = [replace(pieces[1], lineage=Lineage("held out"))]
    path = tmp_path / "reference.npz"
    save_reference(path, [take], held_out, piece_bars=4)
    assert load_held_out(path).tolist() == [0]
    assert [x.lineage.loop_id for x in load_reference(path, 16)] == names
    (whole,) = load_reference(path, 16, whole=True)
    np.testing.assert_array_equal(to_words(whole), to_words(take))


def test_every_bar_of_a_performance_stands_in_a_piece():
    for n_bars in range(1, 20):
        (take,) = make_loops(n_bars)
        take = replace(take, lineage=Lineage(""))
        found = {
            bar.tobytes()
            for piece in cut_pieces([take], 4)
            for bar in to_words(piece).reshape(-1, 16)
        }
        assert found == {bar.tobytes() for bar in to_words(take).reshape(-1, 16)}


def test_the_nearest_is_found_wherever_it_was_cut(tmp_path):
    (take,) = make_loops(9)
    pieces = cut_pieces([take], 4)
    ((nearest, *_),) = find_nearest([replace(pieces[2], bpm=70)], pieces)
    assert (nearest.right, nearest.distance) == (2, 0)


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "reference.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="unreadable"):
        load_reference(path, 16)
    with pytest.raises(ModelError, match="unreadable"):
        load_held_out(path)

"""Tables of loops and hits: what is written is read again, and what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import drum_loops, make_loop
from trapgen.core import (
    HITS_NAME,
    KICK,
    LOOPS_NAME,
    N_VOICES,
    SNARE,
    Lineage,
    ParameterError,
    TableError,
    hash_loops,
    read_loops,
    relabel,
    write_loops,
)

LOOPS = [
    ("train", make_loop((0, KICK), (8, SNARE), lineage=Lineage("a", ("s2-0",), style="drill"))),
    ("test", make_loop((3, KICK), bars=2, velocity=7, bpm=90.5, lineage=Lineage("b"))),
]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drum_loops(), max_size=4), st.integers(0, 127), st.text(max_size=8))
def test_loops_come_back_as_they_were_written(tmp_path, loops, pitch, style):
    style = style.encode("utf-8", "replace").decode()
    sided = [
        ("train", replace(loop, pitches=np.full(loop.velocities.shape, pitch, np.uint8)))
        for loop in loops
    ]
    named = [
        (side, relabel(loop, loop_id=f"{style}/{at}", style=style, parents=("x", "y")))
        for at, (side, loop) in enumerate(sided)
    ]
    write_loops(tmp_path, named)
    assert read_loops(tmp_path) == named
    stored = (tmp_path / HITS_NAME).read_bytes()
    write_loops(tmp_path, named)
    assert (tmp_path / HITS_NAME).read_bytes() == stored


def test_lengths_come_back(tmp_path):
    lengths = np.full((16, N_VOICES), 2.5, np.float32)
    held = replace(LOOPS[0][1], lengths=lengths)
    write_loops(tmp_path, [("train", held)])
    ((_, read),) = read_loops(tmp_path)
    np.testing.assert_array_equal(read.lengths, np.where(held.onsets, np.float32(2.5), 0))


def test_the_hash_of_loops_is_of_their_content(tmp_path):
    write_loops(tmp_path, LOOPS)
    assert hash_loops(read_loops(tmp_path)) == hash_loops(LOOPS)
    (side, one), other = LOOPS
    softer = replace(one, velocities=one.velocities // 2)
    late = replace(one, offsets=np.where(one.onsets, np.float32(0.25), 0))
    changed = [
        [("test", one), other],
        [(side, softer), other],
        [(side, late), other],
        [(side, relabel(one, source_ids=("s2-1",))), other],
        [(side, replace(one, bpm=91)), other],
        [other, (side, one)],
        LOOPS[:1],
    ]
    assert len({hash_loops(sided) for sided in [LOOPS, *changed]}) == 1 + len(changed)


def test_only_the_sides_asked_for_are_read(tmp_path):
    write_loops(tmp_path, LOOPS)
    assert read_loops(tmp_path, ("test",)) == LOOPS[1:]


def test_the_order_of_hits_does_not_matter(tmp_path):
    write_loops(tmp_path, LOOPS)
    hits = pq.read_table(tmp_path / HITS_NAME)
    pq.write_table(hits.take(pa.array([2, 0, 1])), tmp_path / HITS_NAME)
    assert read_loops(tmp_path) == LOOPS


def test_loops_of_one_id_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="loop_id must be each loop's own"):
        write_loops(tmp_path, [LOOPS[0], LOOPS[0]])


def change(column, value):
    def damage(table):
        values = table[column].to_pylist()
        values[0] = value
        at = table.schema.get_field_index(column)
        return table.set_column(at, column, pa.array(values, table.schema.field(at).type))

    return damage


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda table: table.drop_columns(["pitch"]), "columns"),
        (lambda table: table.slice(1), "hits"),
        (lambda table: pa.concat_tables([table, table]), "hits"),
        (change("step", 16), "values"),
        (change("step", -1), "values"),
        (change("step", -17), "values"),
        (change("voice", N_VOICES), "values"),
        (change("velocity", 200), "values"),
        (change("velocity", 0), "values"),
        (change("offset", 0.5), "values"),
        (change("offset", np.nan), "values"),
        (change("roll_count", 3), "rolls"),
        (change("velocity", None), "missing"),
    ],
)
def test_hits_that_do_not_fit_their_loops_are_refused(tmp_path, damage, rule):
    write_loops(tmp_path, LOOPS)
    path = tmp_path / HITS_NAME
    pq.write_table(damage(pq.read_table(path)), path)
    with pytest.raises(TableError, match=r"hits\.parquet") as caught:
        read_loops(tmp_path)
    assert caught.value.rule == rule


@pytest.mark.parametrize("name", [HITS_NAME, LOOPS_NAME])
def test_a_missing_table_is_named(tmp_path, name):
    write_loops(tmp_path, LOOPS)
    (tmp_path / name).unlink()
    with pytest.raises(TableError, match=name):
        read_loops(tmp_path)

"""File formats: tables come back as they were written, and a failed write leaves no trace."""

from __future__ import annotations

import json
import stat

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trapgen.core import (
    LOOPS,
    MANIFEST,
    OVERLAP,
    REJECTS,
    SPLIT,
    InputError,
    TableError,
    WriteError,
    make_table,
    read_json,
    read_table,
    replacing,
    write_json,
    write_table,
    write_text,
)

SCHEMAS = {"manifest": MANIFEST, "split": SPLIT, "loops": LOOPS, "overlap": OVERLAP}
AWKWARD = ["", "NA", "null", "007", "1.0", "True", 'a "b", c', "two\nlines", " spaces ", "ü-🥁"]
CELLS = {
    "str": AWKWARD,
    "float64": [i / 7 for i in range(10)],
    "int64": list(range(10)),
    "object": [(), ("a",), ("b", "c"), (), ("",), ("d",), (), (), ("e",), ("f", "g", "h")],
}


def make_rows(schema):
    return [{name: CELLS[kind][i] for name, kind in schema.items()} for i in range(10)]


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("n_rows", [0, 1, 10])
def test_a_written_table_is_read_unchanged(tmp_path, schema, n_rows):
    rows = make_rows(schema)[:n_rows]
    frame = make_table(rows, schema)
    write_table(tmp_path / "table.parquet", frame, schema)
    back = read_table(tmp_path / "table.parquet", schema)
    assert back.to_dict("records") == rows
    pd.testing.assert_frame_equal(back, frame)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        write_table(tmp_path / f"{name}.parquet", make_table(make_rows(LOOPS), LOOPS), LOOPS)
    one, other = (tmp_path / f"{name}.parquet" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


# Rows are read back before the next example writes the file anew.
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            dict.fromkeys(REJECTS, st.text(st.characters(exclude_categories=["Cs"])))
        ),
        max_size=4,
    )
)
def test_a_csv_comes_back_whatever_a_file_is_called(tmp_path, rows):
    path = tmp_path / "rejects.csv"
    write_table(path, make_table(rows, REJECTS), REJECTS)
    assert read_table(path, REJECTS).to_dict("records") == rows


def test_columns_have_to_be_the_schemas(tmp_path):
    frame = make_table(make_rows(SPLIT), SPLIT)
    with pytest.raises(TableError, match="columns") as caught:
        write_table(tmp_path / "split.parquet", frame.drop(columns="side"), SPLIT)
    assert "side" not in caught.value.received
    assert not list(tmp_path.iterdir())
    write_table(tmp_path / "split.parquet", frame, SPLIT)
    with pytest.raises(TableError, match=r"split\.parquet: columns"):
        read_table(tmp_path / "split.parquet", REJECTS)


@pytest.mark.parametrize("name", ["table.parquet", "table.csv"])
def test_what_is_no_table_is_refused(tmp_path, name):
    with pytest.raises(TableError, match="unreadable"):
        read_table(tmp_path / name, REJECTS)
    for content in (b"", b"\xff\xfe nonsense", b"PAR1 but no more"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TableError) as caught:
            read_table(tmp_path / name, REJECTS)
        assert caught.value.rule in ("not_a_table", "unreadable", "columns")


def test_written_json_is_read_unchanged(tmp_path):
    value = {"b": [1, 2.5, None, True], "a": "ü-🥁"}
    write_json(tmp_path / "deep" / "value.json", value)
    text = (tmp_path / "deep" / "value.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "deep" / "value.json") == value == json.loads(text)
    assert text.startswith('{\n  "b"')
    assert text.endswith("}\n")
    assert "ü-🥁" in text


def test_json_holds_no_nan(tmp_path):
    write_json(tmp_path / "value.json", 1)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "value.json", float("nan"))
    assert read_json(tmp_path / "value.json") == 1


@pytest.mark.parametrize(
    ("content", "rule"), [(None, "unreadable"), (b"{", "not_json"), (b"\xff", "not_json")]
)
def test_what_is_no_json_is_refused(tmp_path, content, rule):
    if content is not None:
        (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(TableError, match=r"value\.json") as caught:
        read_json(tmp_path / "value.json")
    assert caught.value.rule == rule


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "loop.mid"
    path.write_bytes(b"old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half of the n")
            raise OSError("disk full")

    with pytest.raises(WriteError, match=r"loop\.mid: not_written .*disk full"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_takes_the_old_files_place(tmp_path):
    path = tmp_path / "new" / "folder" / "words.txt"
    for text in ("old\n", "new\r\nü"):
        write_text(path, text)
    assert path.read_bytes() == "new\r\nü".encode()
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_files_of_long_names_are_written(tmp_path):
    path = tmp_path / ("k" * 251 + ".mid")
    write_text(path, "the longest name that file systems take")
    assert path.is_file()


def test_where_nothing_can_be_written_is_said_and_nothing_is_lost(tmp_path):
    write_text(tmp_path / "file", "kept")
    with pytest.raises(InputError, match="no_folder"):
        write_text(tmp_path / "file" / "inside", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is_a_folder"):
        write_text(tmp_path / "folder", "x")
    assert (tmp_path / "file").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]

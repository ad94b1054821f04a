"""Input files: plain, of a bounded size, and told in one printable line if they are not."""

from __future__ import annotations

import json
import os
import pickle
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.models import make_model
from tests.command import trapgen
from tests.strategies import make_loop
from trapgen.core import (
    HITS_NAME,
    LOOPS,
    LOOPS_NAME,
    REJECTS,
    GateRefusedError,
    InputError,
    ModelError,
    ParameterError,
    TableError,
    TrapgenError,
    guard_cell,
    hash_files,
    load_params,
    make_table,
    printable,
    read_arrays,
    read_input,
    read_json,
    read_lines,
    read_loops,
    read_rows,
    read_table,
    relabel,
    unguard_cell,
    write_loops,
    write_table,
)
from trapgen.generate import load_generator
from trapgen.midi import read_strikes

READERS = {
    "json": read_json,
    "yaml": load_params,
    "csv": lambda path: read_table(path, REJECTS),
    "parquet": lambda path: read_rows(path, LOOPS),
    "text": lambda path: read_lines(path, 32),
    "midi": read_strikes,
    "weights": lambda path: read_arrays(path, 1 << 20),
    "bytes": read_input,
}
HOSTILE = "\x1b[31mred\nline\u202e.mid"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model"))


def make_special(kind: str, folder: Path, suffix: str = "") -> Path:
    """A pipe, a device, or 10 GiB of nothing, under a name that a terminal would obey."""
    path = folder / f"{kind}{HOSTILE}{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(10 << 30)
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
@pytest.mark.parametrize("name", READERS)
def test_no_reader_opens_what_is_no_plain_file_of_its_size(tmp_path, name, kind):
    path = make_special(kind, tmp_path, ".csv" if name == "csv" else "")
    start = time.monotonic()
    with pytest.raises(TrapgenError) as caught:
        READERS[name](path)
    assert time.monotonic() - start < 5
    assert str(caught.value).isprintable()
    if name != "yaml":
        assert caught.value.rule == ("file_size" if kind == "huge" else "not_a_file")


VERBS = [
    ("standardize", "X", "--out", "OUT"),
    ("encode", "X", "--out", "OUT"),
    ("decode", "X", "--out", "OUT"),
    ("audit", "X", "X", "--out", "OUT"),
    ("score", "X", "--model", "MODEL"),
    ("import", "X", "--out", "OUT"),
    ("keymap", "review", "X"),
    ("lineage", "X"),
    ("regenerate", "X", "--out", "OUT", "--model", "MODEL"),
    ("generate", "--out", "OUT", "--model", "X"),
    ("generate", "--out", "OUT", "--model", "MODEL", "--primer", "X"),
    ("generate", "--out", "OUT", "--model", "MODEL", "--vary", "X"),
    ("generate", "--out", "OUT", "--model", "MODEL", "--lock", "kick", "--from", "X"),
    ("generate", "--out", "X", "--model", "MODEL"),
    ("standardize", "MODEL", "--out", "X"),
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_hangs_on_what_it_is_given(tmp_path, monkeypatch, model, verb):
    monkeypatch.chdir(tmp_path)
    for kind in ("pipe", "device", "huge"):
        path = make_special(kind, tmp_path)
        places = {"X": path, "OUT": tmp_path / "out", "MODEL": model}
        done = trapgen(*(places.get(word, word) for word in verb))
        # An import names what it refuses, and goes on.
        is_row = verb[0] == "import" and kind == "huge"
        assert done.returncode == (0 if is_row else 3), done.stderr
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stderr + done.stdout
        assert "\u202e" not in done.stderr + done.stdout
        assert is_row or done.stderr.splitlines()[-1].startswith("error: ")


def test_a_pipe_beside_the_files_is_no_table_of_theirs(tmp_path, model):
    for name in ("pack.csv", "keymaps.csv", "rejects.csv"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "a.mid").write_bytes(b"no MIDI")
    assert trapgen("standardize", tmp_path, "--out", tmp_path.parent / "o").returncode == 3
    (model / "codec.json").rename(model / "kept")
    os.mkfifo(model / "codec.json")
    with pytest.raises(ModelError, match="not_a_file"):
        load_generator(model)
    (model / "kept").replace(model / "codec.json")


# Messages


@given(st.text(st.characters()), st.integers(0, 3))
def test_every_message_is_one_printable_line(text, times):
    text *= 10**times
    errors = [
        InputError(text, "rule", text, text),
        ParameterError(text, text, text),
        GateRefusedError([text], text),
        TrapgenError(text),
    ]
    for error in errors:
        assert str(error).isprintable()
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_huge_values_are_cut(tmp_path):
    for value in ("x" * 10**7, 10**6000, [1] * 10**5, b"x" * 10**6):
        assert len(str(InputError("a", "rule", value, "Rename it."))) < 1000
        assert len(str(ParameterError("a", "small", value))) < 1000
    (tmp_path / "a.txt").write_text("x" * 10**7)
    done = trapgen("decode", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert (done.returncode, len(done.stderr) < 1000) == (3, True)


def test_what_a_terminal_obeys_is_escaped_wherever_the_command_quotes_a_name(tmp_path):
    source = tmp_path / "pack"
    source.mkdir()
    (source / HOSTILE).write_bytes(b"no MIDI")
    for arguments in (
        ("encode", source, "--out", tmp_path / "out"),
        ("standardize", source, "--out", tmp_path / HOSTILE),
        ("import", source, "--out", tmp_path / "new"),
        (HOSTILE,),
        ("mix", HOSTILE),
        ("decode", HOSTILE, HOSTILE, "--out", "x"),
        ("generate", "--out", "x", f"--{HOSTILE}"),
    ):
        done = trapgen(*arguments)
        assert printable("\x1b[31mred") in done.stderr + done.stdout or done.returncode == 2
        assert not {"\x1b", "\u202e"} & set(done.stderr + done.stdout)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_no_cell_of_a_csv_is_a_formula_and_each_comes_back(text):
    for cell in (text, f"={text}", f"'{text}", f"''+{text}", f"-{text}"):
        guarded = guard_cell(cell)
        assert unguard_cell(guarded) == cell
        is_number = guarded.lstrip("+-.").replace(".", "").replace("e", "").isalnum()
        assert guarded[:1] not in ("=", "@", "\t", "\r")
        assert guarded[:1] not in ("+", "-") or is_number


def test_a_name_that_is_a_formula_is_none_in_a_table(tmp_path):
    rows = [{"path": name, "rule": "-0.5", "received": "", "detail": ""} for name in
            ("=HYPERLINK(1)", "@x", "-dash.mid", "plain.mid", "'quoted", "'=x")]  # fmt: skip
    write_table(tmp_path / "rejects.csv", make_table(rows, REJECTS), REJECTS)
    lines = (tmp_path / "rejects.csv").read_text().splitlines()
    assert [line.split('"')[1] for line in lines[1:]] == [
        *("'=HYPERLINK(1)", "'@x", "'-dash.mid", "plain.mid", "'quoted", "''=x")
    ]
    assert read_table(tmp_path / "rejects.csv", REJECTS).to_dict("records") == rows


# Tables, text and numbers that are not what they seem


CHANGES = {
    "n_bars of text": ("n_bars", pa.array(["x", "y"]), "types"),
    "n_bars as a fraction": ("n_bars", pa.array([1.5, 2.0]), "types"),
    "no source_ids": ("source_ids", pa.array([None, ["a"]], pa.list_(pa.string())), "missing"),
    "a source_id of None": ("source_ids", pa.array([[None], ["a"]]), "missing"),
    "numbers as source_ids": ("source_ids", pa.array([[1], [2]]), "types"),
    "no loop_id": ("loop_id", pa.array([None, "b"]), "missing"),
    "one loop_id": ("loop_id", pa.array(["a", "a"]), "loop_id"),
    "an infinite bpm": ("bpm", pa.array([float("inf"), 140.0]), "values"),
    "bars without end": ("n_bars", pa.array([10**12, 1]), "n_bars"),
    "no bar": ("n_bars", pa.array([0, 1]), "n_bars"),
    "another grid": ("steps_per_bar", pa.array([17, 16]), "values"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_is_held_to_its_types_and_ranges(tmp_path, change):
    column, values, rule = CHANGES[change]
    loops = [relabel(make_loop((0, at)), loop_id="ab"[at], source_ids=("s",)) for at in range(2)]
    write_loops(tmp_path, [("train", loop) for loop in loops])
    assert [loop for _, loop in read_loops(tmp_path)] == loops
    table = pq.read_table(tmp_path / LOOPS_NAME)
    table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, tmp_path / LOOPS_NAME)
    with pytest.raises(TableError) as caught:
        read_loops(tmp_path)
    assert caught.value.rule == rule


def test_rows_out_of_proportion_to_a_file_are_not_read(tmp_path):
    column = pa.array(["x"]).take(pa.array([0] * 3_000_000))
    pq.write_table(pa.table(dict.fromkeys(REJECTS, column)), tmp_path / "a.parquet")
    with pytest.raises(TableError, match=r"rows \(received 3,000,000 rows in so few bytes\)"):
        read_table(tmp_path / "a.parquet", REJECTS)


def test_hits_without_a_value_are_refused(tmp_path):
    write_loops(tmp_path, [("train", relabel(make_loop((0, 0), (1, 1)), loop_id="a"))])
    table = pq.read_table(tmp_path / HITS_NAME)
    table = table.set_column(2, "voice", pa.array([None, 1], pa.uint8()))
    pq.write_table(table, tmp_path / HITS_NAME)
    with pytest.raises(TableError, match="no value in voice"):
        read_loops(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "NaN", "[Infinity]", "1e999", "9" * 5000, '"\\ud800"', '{"a": -Infinity}'],
    ids=lambda text: text[:9],
)
def test_json_that_no_json_is_made_of_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(TableError, match="not_json"):
        read_json(tmp_path / "a.json")


BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in ("ab", "bc", "cd"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "YAML without anchors and aliases"),
        ("sample: &a {forbid: [*a]}", "YAML without anchors and aliases"),
        ("seed: " + "[" * 2000, "at most 8 levels"),
        ("seed: 1\n" + "# room\n" * 20_000, "140,008 bytes"),
        ("seed: " + "9" * 5000, "readable YAML file"),
        ("seed: 0x" + "f" * 4000, "received a huge int"),
        ("seed: 2024-13-45", "readable YAML file"),
        ("seed: !!timestamp x", "readable YAML file"),
        ("seed: .inf", "whole number"),
        ("train: {learning_rate: .inf}", "above 0 to 1"),
        ("sample: {loops: 1" + "0" * 30 + "}", "1 to 99,999"),
    ],
    ids=lambda text: text[:24],
)
def test_parameters_that_grow_or_make_no_sense_are_refused_at_once(tmp_path, text, words):
    (tmp_path / "params.yaml").write_text(text)
    start = time.monotonic()
    with pytest.raises(ParameterError, match=words) as caught:
        load_params(tmp_path / "params.yaml")
    assert time.monotonic() - start < 5
    assert len(str(caught.value)) < 1000


MODEL_CHANGES = {
    "layers of text": ("model.json", "layers", "x", "layers"),
    "layers without end": ("model.json", "layers", 10**30, "layers"),
    "units without end": ("model.json", "units", 10**9, "units"),
    "no heads": ("model.json", "heads", 0, "heads"),
    "dropout of 2": ("model.json", "dropout", 2, "dropout"),
    "conditions of numbers": ("model.json", "conditions", [1, 2], "conditions"),
    "another condition": ("model.json", "conditions", ["style:trap"], "must have shape"),
    "a spec of text": ("humanizer.json", "spec", "x", "values"),
    "figures of text": ("humanizer.json", "figures", {"bits": "x"}, "values"),
    "held_out of text": ("novelty.json", "held_out", "x", "keys"),
    "held_out of lists": ("novelty.json", "held_out", [[0.5]], "held_out"),
    "held_out beyond 1": ("novelty.json", "held_out", [1.5], "held_out"),
    "pieces of a fraction": ("novelty.json", "piece_bars", 1.5, "piece_bars"),
    "another grid": ("codec.json", "steps_per_bar", 32, "another grid"),
}


@pytest.mark.parametrize("change", MODEL_CHANGES)
def test_a_model_is_held_to_its_shape(tmp_path, change):
    name, key, value, words = MODEL_CHANGES[change]
    model = make_model(tmp_path)
    known = json.loads((model / name).read_text())
    (model / name).write_text(json.dumps({**known, key: value}))
    with pytest.raises(ModelError, match=words):
        load_generator(model)


def test_weights_larger_than_their_shapes_or_not_finite_are_refused(tmp_path):
    model = make_model(tmp_path)
    path = model / "weights.safetensors"
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(10 << 30)
    with pytest.raises(ModelError, match="file_size"):
        load_generator(model)
    path.write_bytes(data[:-4] + b"\x00\x00\xc0\x7f")
    with pytest.raises(ModelError, match="NaN or infinity"):
        load_generator(model)
    with pytest.raises(TableError, match="unreadable"):
        hash_files(model / "nowhere")

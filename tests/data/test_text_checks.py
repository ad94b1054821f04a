"""The checks of the encoded text: what passes them, and a failing example of every rule."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.checks.history import DATA_DOCS
from tasks.checks.run import Findings
from tasks.checks.text import check_text, make_codec_suite, make_count_suite, make_line_suite
from tests.strategies import make_loop, random_loop
from trapgen.core import KICK, SIDES, SNARE, Codec, Lineage, TableError, write_lines

STEPS = 16
N_LINES = {"train": 4, "validation": 2, "test": 2}
WORD = "none: 0b and 9 digits, or BAR"
BARS = "none: BAR after every 16 steps, and at the end"
LOOP = "none: decoded, the line is its loop"
TWIN = "none: no line of another split is the same"


@pytest.fixture
def survivors():
    """Eight loops of two bars, in the order of the sides."""
    rng = np.random.default_rng(0)
    sides = [side for side, n_lines in N_LINES.items() for _ in range(n_lines)]
    return [
        (side, random_loop(rng, lineage=Lineage(f"{side}/{at}"))) for at, side in enumerate(sides)
    ]


@pytest.fixture
def encoded(survivors, tmp_path):
    """Them as the encode stage writes them."""
    folder = tmp_path / "encoded"
    for side in SIDES:
        write_lines(folder / f"{side}.txt", [loop for at, loop in survivors if at == side])
    Codec(STEPS).save(folder / "codec.json")
    return folder


def edit(path, number, change):
    """Change the tokens of a line, counted from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = " ".join(change(lines[number - 1].split(" ")))
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_a_long_word(folder):
    edit(folder / "train.txt", 2, lambda tokens: ["0b0000000000", *tokens[1:]])


def put_a_control_token(folder):
    edit(folder / "test.txt", 1, lambda tokens: ["<PAD>", *tokens[1:]])


def drop_a_step(folder):
    edit(folder / "train.txt", 2, lambda tokens: tokens[1:])


def drop_the_last_bar_line(folder):
    edit(folder / "train.txt", 3, lambda tokens: tokens[:-1])


def leave_a_line_empty(folder):
    edit(folder / "test.txt", 2, lambda _: [])


def silence_a_loop(folder):
    edit(folder / "test.txt", 2, lambda tokens: [t.replace("1", "0") for t in tokens])


def write_two_other_words(folder):
    edit(folder / "train.txt", 1, lambda tokens: ["0b101010100", "0b010101011", *tokens[2:]])


def drop_a_bar(folder):
    edit(folder / "train.txt", 1, lambda tokens: tokens[17:])


def leave_out_the_last_line(folder):
    path = folder / "train.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def write_a_line_twice(folder):
    path = folder / "validation.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[-1]]))


def leak_a_line(folder):
    line = (folder / "train.txt").read_text().splitlines()[2]
    edit(folder / "validation.txt", 2, lambda _: line.split(" "))


def mirror(tokens):
    """Words whose digits stand from the right to the left."""
    return [token if token == "BAR" else f"0b{token[:1:-1]}" for token in tokens]


def change_codec(key, value):
    def change(folder):
        path = folder / "codec.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    change.__name__ = f"change_{key}"
    return change


def lines_break(column, words, value, line):
    n_lines = sum(N_LINES.values())
    return f"encoded_lines.{column} must be {words}; 1 of {n_lines} rows are not: {value} ({line})"


# What is broken, the rule that must catch it, and every sentence that says so.
CASES = [
    (
        write_a_long_word,
        "encoded_lines.strange",
        [lines_break("strange", WORD, "'0b0000000000'", "train:2")],
    ),
    (
        put_a_control_token,
        "encoded_lines.strange",
        [lines_break("strange", WORD, "'<PAD>'", "test:1")],
    ),
    (
        drop_a_step,
        "encoded_lines.broken_bar",
        [lines_break("broken_bar", BARS, "token 16 is BAR", "train:2")],
    ),
    (
        drop_the_last_bar_line,
        "encoded_lines.broken_bar",
        [lines_break("broken_bar", BARS, "16 steps without BAR", "train:3")],
    ),
    (
        leave_a_line_empty,
        "encoded_lines.broken_bar",
        [
            lines_break("broken_bar", BARS, "no bar", "test:2"),
            lines_break("n_onsets", "at least 1", 0, "test:2"),
        ],
    ),
    (
        silence_a_loop,
        "encoded_lines.n_onsets",
        [
            lines_break("n_onsets", "at least 1", 0, "test:2"),
            lines_break("difference", LOOP, "30 steps from step 1 on", "test:2"),
        ],
    ),
    (
        write_two_other_words,
        "encoded_lines.difference",
        [lines_break("difference", LOOP, "2 steps from step 1 on", "train:1")],
    ),
    (
        drop_a_bar,
        "encoded_lines.difference",
        [lines_break("difference", LOOP, "16 steps, the loop has 32", "train:1")],
    ),
    (
        leak_a_line,
        "encoded_lines.same_as",
        [
            lines_break("difference", LOOP, "31 steps from step 1 on", "validation:2"),
            lines_break("same_as", TWIN, "train:3", "validation:2"),
        ],
    ),
    (
        leave_out_the_last_line,
        "encoded_sides.n_lines",
        [
            "encoded_sides.n_lines must be the number of loops that the audit kept; 1 of 3 rows "
            "are not: 3 (train)"
        ],
    ),
    (
        write_a_line_twice,
        "encoded_sides.n_lines",
        [
            "encoded_sides.n_lines must be the number of loops that the audit kept; 1 of 3 rows "
            "are not: 3 (validation)"
        ],
    ),
    (
        change_codec("steps_per_bar", 32),
        "codec.steps_per_bar",
        ["codec.steps_per_bar must be 16; it is 32"],
    ),
    (
        change_codec("voices", ["kick", "<b>"]),
        "codec.voices",
        [
            "codec.voices must be kick, snare, closed_hat, open_hat, low_tom, mid_tom, high_tom, "
            "ride, crash; it is kick, <b>"
        ],
    ),
    (
        change_codec("pitches", [36]),
        "codec.pitches",
        ["codec.pitches must be 36, 38, 42, 46, 41, 45, 48, 51, 49; it is 36"],
    ),
    (
        change_codec("tokens", {"BAR": 0}),
        "codec.tokens",
        ["codec.tokens must be BAR 512, START 513, PAD 514; it is BAR 0"],
    ),
]


@pytest.mark.parametrize(
    ("damage", "rule", "failures"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_what_is_broken_is_caught_and_named(encoded, survivors, damage, rule, failures):
    damage(encoded)
    found = check_text(encoded, survivors, STEPS, None)
    assert found == Findings(tuple(failures))
    assert any(sentence.startswith(f"{rule} must be ") for sentence in failures)


def test_every_rule_has_a_failing_example():
    rules = {
        f"{suite.name}.{expectation.description.split(' must be ')[0]}"
        for suite in (make_line_suite(STEPS), make_count_suite(), make_codec_suite(STEPS))
        for expectation in suite.expectations
    }
    assert {case[1] for case in CASES} == rules


@pytest.mark.parametrize("column", ["steps_per_bar", "voices", "pitches", "tokens"])
def test_a_gap_in_the_codec_has_its_sentence(encoded, survivors, column):
    content = json.loads((encoded / "codec.json").read_text())
    del content[column]
    (encoded / "codec.json").write_text(json.dumps(content))
    (failure,) = check_text(encoded, survivors, STEPS, None).failures
    assert failure.startswith(f"codec.{column} must be filled in; it is ")


def test_text_that_holds_the_rules_passes(encoded, survivors, tmp_path):
    assert check_text(encoded, survivors, STEPS, tmp_path / "history") == Findings()
    pages = (tmp_path / "history" / DATA_DOCS / "validations").iterdir()
    assert {page.name for page in pages} == {"encoded_lines", "encoded_sides", "codec"}


def test_digits_in_the_wrong_order_are_caught_where_the_codec_would_agree(tmp_path):
    loops = [make_loop((at, KICK), (at + 8, SNARE)) for at in range(3)]
    survivors = list(zip(SIDES, loops, strict=True))
    for side, loop in survivors:
        write_lines(tmp_path / f"{side}.txt", [loop])
        edit(tmp_path / f"{side}.txt", 1, mirror)
    Codec(STEPS).save(tmp_path / "codec.json")
    (failure,) = check_text(tmp_path, survivors, STEPS, None).failures
    assert failure == (
        f"encoded_lines.difference must be {LOOP}; 3 of 3 rows are not: 2 steps from step 1 on "
        "(train:1), 2 steps from step 2 on (validation:1), 2 steps from step 3 on (test:1)"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("train.txt", None), ("test.txt", b"\xff"), ("codec.json", None), ("codec.json", b"[]")],
)
def test_what_cannot_be_read_is_refused(encoded, survivors, name, content):
    if content is None:
        (encoded / name).unlink()
    else:
        (encoded / name).write_bytes(content)
    with pytest.raises(TableError, match=name):
        check_text(encoded, survivors, STEPS, None)

"""The encoded text: read on its own, not by the reader that trains, and held against the loops."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tasks.checks.rules import Rule, Suite, between, blank, equal, filled, one_of
from tasks.checks.run import Findings, run_suites
from trapgen.core import (
    BAR,
    BAR_WORD,
    N_VOICES,
    PAD,
    SIDES,
    START,
    VOICES,
    DrumLoop,
    TableError,
    make_table,
    read_json,
)

_WORD: Final = re.compile(f"0b[01]{{{N_VOICES}}}")

_LINES: Final[Mapping[str, str]] = {
    "line": "str",
    "side": "str",
    "strange": "str",
    "broken_bar": "str",
    "n_onsets": "int64",
    "difference": "str",
    "same_as": "str",
}
_CODEC: Final = dict.fromkeys(("steps_per_bar", "voices", "pitches", "tokens"), "str")
_SIDES: Final[Mapping[str, str]] = {"side": "str", "n_lines": "int64", "n_survivors": "int64"}
_SIDE_RULES: Final = (equal("n_lines", "n_survivors", "the number of loops that the audit kept"),)


def check_text(
    folder: Path, survivors: Sequence[tuple[str, DrumLoop]], steps_per_bar: int, docs: Path | None
) -> Findings:
    """Hold `data/encoded` against its format and the loops it encodes, and write Data Docs.

    Args:
        folder: Where `train.txt`, `validation.txt`, `test.txt` and `codec.json` lie.
        survivors: Side and loop of every loop that the audit kept, in the order of the lines.
        steps_per_bar: The grid (`grid.steps_per_bar`).
        docs: The folder of the Data Docs, replaced as a whole; None leaves them out.

    Raises:
        TableError: A file is missing or cannot be read at all.
    """
    texts = {side: _read_text(folder / f"{side}.txt") for side in SIDES}
    rows: list[dict[str, Any]] = []
    counts = []
    for side, lines in texts.items():
        loops = [loop for at, loop in survivors if at == side]
        counts.append({"side": side, "n_lines": len(lines), "n_survivors": len(loops)})
        for number, line in enumerate(lines, start=1):
            loop = loops[number - 1] if number <= len(loops) else None
            rows.append(
                {"line": f"{side}:{number}", "side": side, **_hold(line, loop, steps_per_bar)}
            )
    _note_twins(rows, [line for side in SIDES for line in texts[side]])
    suites = [
        Suite("encoded_lines", make_table(rows, _LINES), ["line"], _line_rules(steps_per_bar)),
        Suite("encoded_sides", make_table(counts, _SIDES), ["side"], _SIDE_RULES),
        _codec_suite(folder / "codec.json", steps_per_bar),
    ]
    return run_suites(suites, docs, "encode")


def _line_rules(steps_per_bar: int) -> list[Rule]:
    return [
        blank("strange", f"none: 0b and {N_VOICES} digits, or {BAR_WORD}"),
        blank("broken_bar", f"none: {BAR_WORD} after every {steps_per_bar} steps, and at the end"),
        between("n_onsets", 1),
        blank("difference", "none: decoded, the line is its loop"),
        blank("same_as", "none: no line of another side is the same"),
    ]


def _read_text(path: Path) -> list[str]:
    """The lines of a text file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(path, "unreadable", error, "Run the encode stage again.") from error
    # Not by splitlines: it takes more for a line's end than the format does.
    return text.removesuffix("\n").split("\n") if text else []


def _hold(line: str, loop: DrumLoop | None, steps_per_bar: int) -> dict[str, Any]:
    """What is wrong with a line, read for itself and beside its loop."""
    tokens = line.split(" ") if line else []
    words = [token for token in tokens if token != BAR_WORD]
    strange = next((word for word in words if not _WORD.fullmatch(word)), None)
    broken_bar = _find_broken_bar(tokens, steps_per_bar)
    row: dict[str, Any] = {
        "strange": None if strange is None else repr(strange),
        "broken_bar": broken_bar,
        "n_onsets": sum(word.count("1") for word in words),
    }
    if loop and not broken_bar and strange is None:
        row["difference"] = _find_difference(words, loop)
    return row


def _find_broken_bar(tokens: Sequence[str], steps_per_bar: int) -> str | None:
    for at, token in enumerate(tokens, start=1):
        if (token == BAR_WORD) != (at % (steps_per_bar + 1) == 0):
            return f"token {at} is {token}"
    rest = len(tokens) % (steps_per_bar + 1)
    if rest or not tokens:
        return f"{rest} steps without {BAR_WORD}" if rest else "no bar"
    return None


def _find_difference(words: Sequence[str], loop: DrumLoop) -> str | None:
    # By the digits as they stand: the codec's own tables could be wrong both ways.
    onsets = np.array([list(word[2:]) for word in words]) == "1"
    if len(onsets) != loop.n_steps:
        return f"{len(onsets)} steps, the loop has {loop.n_steps}"
    other = np.flatnonzero((onsets != loop.onsets).any(axis=1))
    return f"{len(other)} steps from step {other[0] + 1} on" if len(other) else None


def _note_twins(rows: Sequence[dict[str, Any]], lines: Sequence[str]) -> None:
    first: dict[str, dict[str, Any]] = {}
    for row, line in zip(rows, lines, strict=True):
        twin = first.setdefault(line, row)
        row["same_as"] = twin["line"] if twin["side"] != row["side"] else None


def _codec_suite(path: Path, steps_per_bar: int) -> Suite:
    """`codec.json` as a table of one row, and what this version writes as rules."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise TableError(path, "not_a_codec", content, "Run the encode stage again.")
    expected = {
        "steps_per_bar": steps_per_bar,
        "voices": [voice.name for voice in VOICES],
        "pitches": [voice.pitch for voice in VOICES],
        "tokens": {"BAR": BAR, "START": START, "PAD": PAD},
    }
    row = {column: _write(content.get(column)) for column in _CODEC}
    rules = filled(*(one_of(column, [_write(expected[column])]) for column in _CODEC))
    return Suite("codec", make_table([row], _CODEC), [], rules)


def _write(value: object) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{name} {at}" for name, at in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)

"""Checks of the encoded text, parsed independently of the training reader, against the loops."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks.checks.run import Findings, expect_filled, run_checks
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

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

_WORD: Final = re.compile(f"0b[01]{{{N_VOICES}}}")

_LINES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("line", "side", "text", "strange", "broken_bar", "difference"), "str"),
    "n_onsets": "int64",
}
_SIDES: Final = {"side": "str", "n_lines": "int64", "n_survivors": "int64"}


def expect_of_text(steps_per_bar: int) -> dict[str, list[Expectation]]:
    """Expectations of a line, a split's text, and `codec.json`, which must match this version."""
    import great_expectations.expectations as gxe

    faults = {
        "strange": f"none: 0b and {N_VOICES} digits, or {BAR_WORD}",
        "broken_bar": f"none: {BAR_WORD} after every {steps_per_bar} steps, and at the end",
        "difference": "none: decoded, the line is its loop",
        "same_as": "none: no line of another split is the same",
    }
    lines = [gxe.ExpectColumnValuesToBeNull(column=c, description=faults[c]) for c in faults]
    sound = gxe.ExpectColumnValuesToBeBetween(
        column="n_onsets", min_value=1, description="at least 1"
    )
    sides = gxe.ExpectColumnPairValuesToBeEqual(
        column_A="n_survivors",
        column_B="n_lines",
        description="the number of loops that the audit kept",
    )
    written = {
        "steps_per_bar": str(steps_per_bar),
        "voices": ", ".join(voice.name for voice in VOICES),
        "pitches": ", ".join(str(voice.pitch) for voice in VOICES),
        "tokens": f"BAR {BAR}, START {START}, PAD {PAD}",
    }
    codec = [
        gxe.ExpectColumnValuesToBeInSet(column=c, value_set=[text], description=text)
        for c, text in written.items()
    ]
    return {
        "encoded_lines": [*lines[:2], sound, *lines[2:]],
        "encoded_sides": [sides],
        "codec": [*expect_filled(*written), *codec],
    }


def check_text(
    folder: Path, survivors: Sequence[tuple[str, DrumLoop]], steps_per_bar: int, docs: Path | None
) -> Findings:
    """Check `data/encoded` against its format and the loops it encodes, and write Data Docs.

    Args:
        folder: Folder of `train.txt`, `validation.txt`, `test.txt` and `codec.json`.
        survivors: Split and loop of every loop that the audit kept, in the order of the lines.
        steps_per_bar: The grid (`grid.steps_per_bar`).
        docs: Folder of the Data Docs, replaced as a whole; None writes none.

    Raises:
        TableError: A file is missing or unreadable.
    """
    texts = {side: _read_text(folder / f"{side}.txt") for side in SIDES}
    rows: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    for side, lines in texts.items():
        loops = [loop for at, loop in survivors if at == side]
        counts.append({"side": side, "n_lines": len(lines), "n_survivors": len(loops)})
        for number, line in enumerate(lines, start=1):
            loop = loops[number - 1] if number <= len(loops) else None
            row = {"line": f"{side}:{number}", "side": side, "text": line}
            rows.append(row | _hold(line, loop, steps_per_bar))
    held = make_table(rows, _LINES)
    first = held.groupby("text")[["line", "side"]].transform("first")
    held["same_as"] = first["line"].where(first["side"] != held["side"]).astype("str")
    rules = expect_of_text(steps_per_bar)
    checks = {
        "encoded_lines": (held, ["line"], rules["encoded_lines"]),
        "encoded_sides": (make_table(counts, _SIDES), ["side"], rules["encoded_sides"]),
        "codec": (_read_codec(folder / "codec.json"), [], rules["codec"]),
    }
    return run_checks(checks, docs, "encode")


def _read_text(path: Path) -> list[str]:
    """The lines of a text file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(path, "unreadable", error, "Run the encode stage again.") from error
    # Not splitlines, which accepts more line ends than the format.
    return text.removesuffix("\n").split("\n") if text else []


def _hold(line: str, loop: DrumLoop | None, steps_per_bar: int) -> dict[str, Any]:
    """Errors of a line, by itself and compared with its loop."""
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
    # Compares the digits directly, since the codec's tables could be wrong in both directions.
    onsets = np.array([list(word[2:]) for word in words]) == "1"
    if len(onsets) != loop.n_steps:
        return f"{len(onsets)} steps, the loop has {loop.n_steps}"
    other = np.flatnonzero((onsets != loop.onsets).any(axis=1))
    return f"{len(other)} steps from step {other[0] + 1} on" if len(other) else None


def _read_codec(path: Path) -> pd.DataFrame:
    """`codec.json` as a table of one row."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise TableError(path, "not_a_codec", content, "Run the encode stage again.")
    columns = dict.fromkeys(("steps_per_bar", "voices", "pitches", "tokens"), "str")
    return make_table([{column: _write(content.get(column)) for column in columns}], columns)


def _write(value: object) -> str | None:
    if isinstance(value, dict):
        return ", ".join(f"{name} {at}" for name, at in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)

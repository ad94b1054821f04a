"""The encoded text: read on its own, not by the reader that trains, and held against the loops."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks.checks.run import Check, Findings, run_checks
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
    from datetime import datetime

    import great_expectations as gx
    import pandas as pd

_WORD: Final = re.compile(f"0b[01]{{{N_VOICES}}}")

_LINES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("line", "side", "text", "strange", "broken_bar", "difference"), "str"),
    "n_onsets": "int64",
}
_SIDES: Final = {"side": "str", "n_lines": "int64", "n_survivors": "int64"}


def make_line_suite(steps_per_bar: int) -> gx.ExpectationSuite:
    """What a line of text must be."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    bars = f"{BAR_WORD} after every {steps_per_bar} steps, and at the end"
    return gx.ExpectationSuite(
        "encoded_lines",
        expectations=[
            gxe.ExpectColumnValuesToBeNull(
                column="strange",
                description=f"strange must be none: 0b and {N_VOICES} digits, or {BAR_WORD}",
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="broken_bar", description=f"broken_bar must be none: {bars}"
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="n_onsets", min_value=1, description="n_onsets must be at least 1"
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="difference",
                description="difference must be none: decoded, the line is its loop",
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="same_as",
                description="same_as must be none: no line of another split is the same",
            ),
        ],
    )


def make_count_suite() -> gx.ExpectationSuite:
    """How many lines a side's text must have."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        "encoded_sides",
        expectations=[
            gxe.ExpectColumnPairValuesToBeEqual(
                column_A="n_survivors",
                column_B="n_lines",
                description="n_lines must be the number of loops that the audit kept",
            )
        ],
    )


def make_codec_suite(steps_per_bar: int) -> gx.ExpectationSuite:
    """What `codec.json` must be: what this version writes."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    written = {
        "steps_per_bar": str(steps_per_bar),
        "voices": ", ".join(voice.name for voice in VOICES),
        "pitches": ", ".join(str(voice.pitch) for voice in VOICES),
        "tokens": f"BAR {BAR}, START {START}, PAD {PAD}",
    }
    return gx.ExpectationSuite(
        "codec",
        expectations=[
            *(
                gxe.ExpectColumnValuesToNotBeNull(
                    column=column, description=f"{column} must be filled in"
                )
                for column in written
            ),
            *(
                gxe.ExpectColumnValuesToBeInSet(
                    column=column, value_set=[text], description=f"{column} must be {text}"
                )
                for column, text in written.items()
            ),
        ],
    )


def check_text(
    folder: Path,
    survivors: Sequence[tuple[str, DrumLoop]],
    steps_per_bar: int,
    history: Path | None,
    run_time: datetime | None = None,
) -> Findings:
    """Hold `data/encoded` against its format and the loops it encodes.

    Args:
        folder: Where `train.txt`, `validation.txt`, `test.txt` and `codec.json` lie.
        survivors: Side and loop of every loop that the audit kept, in the order of the lines.
        steps_per_bar: The grid (`grid.steps_per_bar`).
        history: Where the results are kept, None for nowhere (`tasks.checks.run.run_checks`).
        run_time: Dates the run there; now, if None.

    Raises:
        TableError: A file is missing or cannot be read at all.
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
    checks = [
        Check(make_line_suite(steps_per_bar), held, ["line"]),
        Check(make_count_suite(), make_table(counts, _SIDES), ["side"]),
        Check(make_codec_suite(steps_per_bar), _read_codec(folder / "codec.json")),
    ]
    return run_checks(checks, history, "encode", run_time)


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

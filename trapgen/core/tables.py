"""Tables on disk: their columns and types, as Parquet or CSV, checked when they are read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trapgen.core.errors import TableError
from trapgen.core.inputs import read_input
from trapgen.core.parquet import check_columns, read_arrow
from trapgen.core.store import replacing

if TYPE_CHECKING:
    import pandas as pd

PACK: Final[Mapping[str, str]] = {
    "path": "str",
    "sha256": "str",
    "size": "int64",
    "style": "str",
    "bpm": "str",
    "meter": "str",
    "performer": "str",
    "split": "str",
    "kind": "str",
    "group": "str",
}
"""`pack.csv`: one row per file, sorted by path. Values are copied from the source unchanged
(`funk/groove1`, `4-4`, `beat`); empty if not stated. `group` is the user's: files with the same one
stay in one split."""

MANIFEST: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "source_path": "str",
    "path": "str",
    "pack": "str",
    "role": "str",
    "style": "str",
    "bpm": "float64",
    "n_bars": "int64",
    "steps_per_bar": "int64",
    "n_onsets": "int64",
    "published_split": "str",
    "group": "str",
    "source_ids": "object",
    "key_map": "str",
    "key_map_confidence": "float64",
    "quantization_error_steps": "float64",
    "max_quantization_error_steps": "float64",
    "recommended_steps_per_bar": "int64",
    "leading_bars": "int64",
    "feel": "str",
    "tempo_from": "str",
    "stated_bpm": "float64",
    "part": "str",
    "notes": "str",
    "collapsed_onsets": "int64",
    "dropped_onsets": "int64",
}
"""`data/standardized/manifest.parquet`: one row per loop."""

REJECTS: Final[Mapping[str, str]] = {
    "path": "str",
    "rule": "str",
    "received": "str",
    "detail": "str",
}
"""`data/standardized/rejects.csv`: one row per file that was not read."""

SIDES: Final = ("train", "validation", "test")
"""The splits."""

SPLIT: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "source_path": "str",
    "role": "str",
    "side": "str",
    "component": "int64",
    "protocol": "str",
    "exam": "str",
    "moved_from": "str",
    "why": "str",
}
"""`data/split/split.parquet`: one row per standardized loop."""

ASSIGNED: Final[Mapping[str, str]] = {
    "exam": "str",
    "source_id": "str",
    "side": "str",
    "why": "str",
}
"""`data/split/assigned.csv`: one row per source and decision, oldest first."""

LEDGER: Final[Mapping[str, str]] = dict.fromkeys(
    (
        "when",
        "event",
        "version",
        "champion",
        "previous",
        "reason",
        "exam",
        "gate",
        "data",
        "commit",
        "start",
        "bits_test",
        "champion_bits_test",
        "gain",
        "gain_low",
        "gain_high",
        "copies",
        "champion_copies",
        "outside",
        "baselines",
    ),
    "str",
)
"""`data/models/ledger.csv`: one row per decision, oldest first."""

LOOPS: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "path": "str",
    "side": "str",
    "pack": "str",
    "role": "str",
    "style": "str",
    "bpm": "float64",
    "n_bars": "int64",
    "steps_per_bar": "int64",
    "n_onsets": "int64",
    "source_ids": "object",
    "parents": "object",
    "recipe": "str",
}
"""`data/augmented/loops.parquet`: one row per loop with its split, parents and recipe."""

OVERLAP: Final[Mapping[str, str]] = {
    "train_loop": "str",
    "other_loop": "str",
    "side": "str",
    "kind": "str",
    "distance": "float64",
    "transform": "str",
    "voices": "str",
}
"""`data/audit/overlap.parquet`: one row per pair across splits within a threshold."""

SURVIVORS: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "side": "str",
    "kept": "bool",
    "reason": "str",
}
"""`data/audit/survivors.parquet`: one row per loop, with deduplication's decision."""

_MISSING: Final = "Run the stage that writes it."
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def make_table(rows: list[dict[str, Any]], schema: Mapping[str, str]) -> pd.DataFrame:
    """A frame with exactly the schema's columns, in its order and with its dtypes."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(schema))
    return frame.astype(dict(schema))


def write_table(path: Path, frame: pd.DataFrame, schema: Mapping[str, str]) -> None:
    """Write a table as Parquet or, by the name's extension, as CSV.

    Raises:
        TableError: The frame's columns are not the schema's.
    """
    check_columns(path, list(frame.columns), schema)
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            texts = [column for column, kind in schema.items() if kind == "str"]
            cells = frame.assign(
                **{column: frame[column].map(guard_cell, na_action="ignore") for column in texts}
            )
            # All fields are quoted: names may contain any character, even a lone carriage return.
            cells.to_csv(temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
        else:
            frame.to_parquet(temporary, index=False, compression="zstd")


def read_table(path: Path, schema: Mapping[str, str]) -> pd.DataFrame:
    """Read a table and check it against its schema.

    Raises:
        TableError: The file is missing or not a table, or its columns are not the schema's.
    """
    import pandas as pd

    if path.suffix == ".csv":
        return _read_csv(path, schema)
    frame: pd.DataFrame = read_arrow(path, schema).to_pandas()
    for column in schema:
        if schema[column] == "object":
            frame[column] = pd.Series(map(tuple, frame[column]), frame.index, dtype=object)
    return frame


def _read_csv(path: Path, schema: Mapping[str, str]) -> pd.DataFrame:
    content = read_input(path, TableError, detail=_MISSING)
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        check_columns(path, rows[0] if rows else [], schema)
        if uneven := [len(row) for row in rows if len(row) != len(schema)]:
            raise ValueError(f"a row of {uneven[0]} cells")
        cells = [dict(zip(schema, map(unguard_cell, row), strict=True)) for row in rows[1:]]
        return make_table(cells, schema)
    except (ValueError, OverflowError, csv.Error) as error:
        raise TableError(path, "not_a_table", error, _MISSING) from error


def guard_cell(text: str) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula: an apostrophe stands before one.

    Numbers stay as they are.

    Examples:
        >>> guard_cell("=cmd.mid"), guard_cell("-0.25"), guard_cell("kick.mid")
        ("'=cmd.mid", '-0.25', 'kick.mid')
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def unguard_cell(text: str) -> str:
    """The text that `guard_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text

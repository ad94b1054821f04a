"""File formats: table schemas, and writes that leave the old file or the new one whole."""

from __future__ import annotations

import csv
import itertools
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import InputError, TableError

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
}
"""`pack.csv`: a row a file, sorted by path. What the source does not say is empty; what it says
stands as it says it (`funk/groove1`, `4-4`, `beat`)."""

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
    "source_ids": "object",
    "key_map": "str",
    "key_map_confidence": "float64",
    "quantization_error_steps": "float64",
    "max_quantization_error_steps": "float64",
    "recommended_steps_per_bar": "int64",
    "leading_bars": "int64",
    "feel": "str",
    "collapsed_onsets": "int64",
    "dropped_onsets": "int64",
}
"""`data/standardized/manifest.parquet`: a row a loop."""

REJECTS: Final[Mapping[str, str]] = {
    "path": "str",
    "rule": "str",
    "received": "str",
    "detail": "str",
}
"""`data/standardized/rejects.csv`: a row a file that was not read."""

SIDES: Final = ("train", "validation", "test")
"""What sources are split into."""

SPLIT: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "source_path": "str",
    "role": "str",
    "side": "str",
    "component": "int64",
    "protocol": "str",
}
"""`data/split/split.parquet`: a row a standardized loop."""

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
"""`data/augmented/loops.parquet`: a row a loop with its side, its parents and its recipe."""

OVERLAP: Final[Mapping[str, str]] = {
    "train_loop": "str",
    "other_loop": "str",
    "side": "str",
    "kind": "str",
    "distance": "float64",
    "transform": "str",
    "voices": "str",
}
"""`data/audit/overlap.parquet`: a row a pair across sides that is over the threshold."""

SURVIVORS: Final[Mapping[str, str]] = {
    "loop_id": "str",
    "side": "str",
    "kept": "bool",
    "reason": "str",
}
"""`data/audit/survivors.parquet`: a row a loop, and what deduplication did with it."""


_PARTS = itertools.count()
_OWNER = secrets.token_hex(4)


def make_folder(path: Path) -> None:
    """Make a folder to write into, with those above it, unless it is there.

    Raises:
        InputError: It cannot be made.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        detail = "Name a folder that can be written."
        raise InputError(path, "no_folder", error.strerror, detail) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; when the block ends well it takes the file's place."""
    # The name is this process's own, on whatever machine; mkstemp would make a file that only its
    # owner may read.
    temporary = path.with_name(f".part-{_OWNER}{os.getpid():x}-{next(_PARTS):x}{path.suffix}")
    make_folder(path.parent)
    if path.is_dir():
        raise InputError(path, "is_a_folder", "a folder", "Name a file.")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write JSON for people: indented, in the order given, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        TableError: The file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TableError(path, "unreadable", error.strerror, "Run the stage before.") from error
    except ValueError as error:
        raise TableError(path, "not_json", error, "Run the stage that writes it again.") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `.safetensors`; the same arrays give the same bytes, in whatever order."""
    from safetensors.numpy import save

    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(whole))


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a `.safetensors` file, by name, in the order of their names.

    Raises:
        TableError: The file is missing or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: dict[str, NDArray[Any]] = load(path.read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise TableError(path, "unreadable", error, "Run the stage that writes it.") from error
    return dict(sorted(arrays.items()))


def make_table(rows: list[dict[str, Any]], schema: Mapping[str, str]) -> pd.DataFrame:
    """A frame of exactly the schema's columns, in its order and with its dtypes."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(schema))
    return frame.astype(dict(schema))


def write_table(path: Path, frame: pd.DataFrame, schema: Mapping[str, str]) -> None:
    """Write a table as Parquet or, when the name says so, as CSV.

    Raises:
        TableError: The frame's columns are not the schema's.
    """
    check_columns(path, list(frame.columns), schema)
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            # Quoted throughout: names may hold any character, a lone carriage return too.
            frame.to_csv(temporary, index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
        else:
            frame.to_parquet(temporary, index=False, compression="zstd")


def read_table(path: Path, schema: Mapping[str, str]) -> pd.DataFrame:
    """Read a table and hold it against its schema.

    Raises:
        TableError: The file is missing, is no table, or its columns are not the schema's.
    """
    import pandas as pd

    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=dict(schema), keep_default_na=False)
        else:
            frame = pd.read_parquet(path)
    except OSError as error:
        raise TableError(path, "unreadable", error, "Run the stage that writes it.") from error
    except ValueError as error:
        raise TableError(path, "not_a_table", error, "Run the stage that writes it.") from error
    check_columns(path, list(frame.columns), schema)
    for column in schema:
        if schema[column] == "object":
            frame[column] = pd.Series(map(tuple, frame[column]), frame.index, dtype=object)
    return frame


def check_columns(path: Path, columns: list[str], schema: Mapping[str, str]) -> None:
    """Hold a table's columns against its schema.

    Raises:
        TableError: They are others, or stand in another order.
    """
    if columns != list(schema):
        raise TableError(path, "columns", columns, f"The columns must be {list(schema)}.")

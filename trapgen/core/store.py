"""File formats: table schemas, and atomic writes."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import itertools
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import InputError, TableError, WriteError
from trapgen.core.inputs import MAX_TABLE_BYTES, read_input
from trapgen.core.parquet import check_columns, read_arrow

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


_MAX_JSON_BYTES: Final = 1 << 24
_BEFORE: Final = "Run the stage that writes it."

_PARTS = itertools.count()
_OWNER = secrets.token_hex(4)
_PART_NAME: Final = re.compile(r"\.part-[0-9a-f]{8}([0-9a-f]+)-[0-9a-f]+(\.\w+)?")
_HAS_FOLDERS: Final = os.name == "posix"
"""Whether folders can be opened, to be flushed or locked."""


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, if it does not exist.

    Raises:
        WriteError: It cannot be created.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(path, error, "no_folder") from error


def name_part(suffix: str = "") -> str:
    """A temporary name that is unique to this process on any machine, and holds its number."""
    return f".part-{_OWNER}{os.getpid():x}-{next(_PARTS):x}{suffix}"


def clear_parts(folder: Path, pid: int) -> int:
    """Delete the temporary files and folders that a killed process left under `folder`.

    Args:
        folder: Where to look; links are not followed.
        pid: The number that the process had.

    Returns:
        How many were deleted.
    """
    found = [path for path in folder.rglob(".part-*") if find_writer(path.name) == pid]
    for path in found:
        remove(path)
    return len(found)


def find_writer(name: str) -> int | None:
    """The number of the process that gave a file this temporary name; None of another name."""
    found = _PART_NAME.fullmatch(name)
    return int(found[1], 16) if found else None


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; if the block succeeds, it replaces the file.

    The file is on the disk before it takes its name, so not even a power cut leaves half of it.

    Raises:
        InputError: `path` is a folder.
        WriteError: The file cannot be written.
    """
    # mkstemp would create a file that only its owner can read.
    temporary = path.with_name(name_part(path.suffix))
    make_folder(path.parent)
    if path.is_dir():
        raise InputError(path, "is_a_folder", "a folder", "Name a file.")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except OSError as error:
        raise WriteError(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    if path.is_dir() and not _HAS_FOLDERS:
        return
    handle = os.open(path, os.O_RDONLY if _HAS_FOLDERS else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems cannot flush a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def flush_all(folder: Path) -> None:
    """Wait until a folder and everything in it are on the disk.

    Raises:
        OSError: They cannot be written.
    """
    for above, _, names in os.walk(folder):
        for path in (*(Path(above, name) for name in names), Path(above)):
            if not path.is_symlink():
                flush(path)


def hash_files(*paths: Path) -> str:
    """Hash of the content of files in the given order, sixteen hex digits.

    Raises:
        TableError: One cannot be read.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        content = read_input(path, TableError, max_bytes=MAX_TABLE_BYTES, detail=_BEFORE)
        digest.update(content)
    return digest.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write readable JSON: indented, in the given order, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        TableError: The file is missing, too large, or is not JSON: NaN and infinity are not.
    """
    content = read_input(path, TableError, max_bytes=_MAX_JSON_BYTES, detail=_BEFORE)
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_finite)
        # A lone surrogate, as an escape can give, is text that no file can hold.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise TableError(path, "not_json", error, "Run the stage that writes it again.") from error
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _parse_finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:40]} is beyond the largest number")
    return number


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `.safetensors`; the same arrays give the same bytes, in whatever order."""
    from safetensors.numpy import save

    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(whole))


def read_arrays(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> dict[str, NDArray[Any]]:
    """Read the arrays of a `.safetensors` file, by name, in the order of their names.

    Args:
        path: The file.
        max_bytes: Its largest size.

    Raises:
        TableError: The file is missing, too large or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_input(path, TableError, max_bytes=max_bytes, detail=_BEFORE)
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(path, "unreadable", error, "Run the stage that writes it.") from error
    return dict(sorted(arrays.items()))


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
    content = read_input(path, TableError, detail=_BEFORE)
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        check_columns(path, rows[0] if rows else [], schema)
        if uneven := [len(row) for row in rows if len(row) != len(schema)]:
            raise ValueError(f"a row of {uneven[0]} cells")
        cells = [dict(zip(schema, map(unguard_cell, row), strict=True)) for row in rows[1:]]
        return make_table(cells, schema)
    except (ValueError, OverflowError, csv.Error) as error:
        raise TableError(path, "not_a_table", error, _BEFORE) from error


_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


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

"""Parquet tables as Arrow, checked before their rows are believed: columns, types, gaps, size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trapgen.core.errors import TableError
from trapgen.core.inputs import MAX_TABLE_BYTES, check_input

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_FEW_ROWS: Final = 10_000
_ROWS_A_BYTE: Final = 16
"""A file holds at most so many rows a byte: repeated values take almost no room in it."""

_BATCH_ROWS: Final = 1 << 16
_AGAIN: Final = "Run the stage that writes it again."


def read_arrow(path: Path, schema: Mapping[str, str]) -> pa.Table:
    """Read a Parquet table with exactly the schema's columns, in its order.

    Args:
        path: The file.
        schema: Kind of each column: `str`, `int64`, `float64`, `bool`, `object` (a list of texts),
            or the name of an Arrow type. Only a `float64` may be missing.

    Raises:
        TableError: The file is missing or not a table, has other columns or types, a value is
            missing, or its rows are out of proportion to its size.
    """
    with _open_table(path, schema) as file:
        table = file.read()
        _check_values(path, table, schema)
    return table


def iterate_arrow(path: Path, schema: Mapping[str, str]) -> Iterator[pa.Table]:
    """The same table in parts of some ten thousand rows, so that memory does not grow with it.

    Raises:
        TableError: As `read_arrow`; a missing value when its part is reached.
    """
    import pyarrow as pa

    with _open_table(path, schema) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            _check_values(path, table, schema)
            yield table


@contextmanager
def _open_table(path: Path, schema: Mapping[str, str]) -> Iterator[pq.ParquetFile]:
    """A file whose size, columns and types are checked; what goes wrong within is a TableError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_input(path, TableError, max_bytes=MAX_TABLE_BYTES, detail="Run the stage that writes it.")
    try:
        with pq.ParquetFile(path) as file:
            n_rows, names = file.metadata.num_rows, file.schema_arrow.names
            if n_rows > _FEW_ROWS + _ROWS_A_BYTE * path.stat().st_size:
                raise TableError(path, "rows", f"{n_rows:,} rows in so few bytes", _AGAIN)
            check_columns(path, names, schema)
            for field in file.schema_arrow:
                if not _has_kind(field.type, schema[field.name], n_rows):
                    received = f"{field.name} of type {field.type}"
                    detail = f"It must be of type {schema[field.name]}."
                    raise TableError(path, "types", received, detail)
            yield file
    except TableError:
        raise
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise TableError(path, "not_a_table", error, _AGAIN) from error


def _check_values(path: Path, table: pa.Table, schema: Mapping[str, str]) -> None:
    table.validate(full=True)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if _count_missing(column, schema[name]):
            raise TableError(path, "missing", f"no value in {name}", _AGAIN)


def check_columns(path: Path, columns: list[str], schema: Mapping[str, str]) -> None:
    """Check a table's columns against its schema.

    Raises:
        TableError: The columns or their order differ.
    """
    if columns != list(schema):
        raise TableError(path, "columns", columns, f"The columns must be {list(schema)}.")


def _has_kind(found: pa.DataType, kind: str, n_rows: int) -> bool:
    from pyarrow import types

    def is_text(each: pa.DataType) -> bool:
        return bool(types.is_string(each) or types.is_large_string(each))

    def is_texts(each: pa.DataType) -> bool:
        is_list = types.is_list(each) or types.is_large_list(each)
        # Lists that are all empty have no type of their own.
        return is_list and (is_text(each.value_type) or types.is_null(each.value_type))

    kinds: dict[str, Callable[[Any], bool]] = {
        "str": is_text,
        "int64": types.is_int64,
        "float64": types.is_float64,
        "bool": types.is_boolean,
        "object": is_texts,
    }
    if kind not in kinds:
        return str(found) == kind
    return kinds[kind](found) or (not n_rows and types.is_null(found))


def _count_missing(column: pa.ChunkedArray, kind: str) -> int:
    if kind == "float64":
        return 0
    inner = 0
    if kind == "object" and len(column) and str(column.type) != "null":
        inner = sum(chunk.flatten().null_count for chunk in column.chunks)
    return int(column.null_count) + inner

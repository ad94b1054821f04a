"""Ways to break a Parquet table: values, types, columns, rows."""

from __future__ import annotations

import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.mutations import NUMBERS, TEXTS, any_value


def break_table(data: bytes, rng: random.Random) -> bytes:
    """A table in which a column or some of its values are others, still in Parquet."""
    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.randint(1, 2)):
        content = io.BytesIO()
        try:
            table = _change(table, rng)
            pq.write_table(table, content)
        except (pa.ArrowException, ValueError, OverflowError, TypeError):
            continue  # no table can hold that
        data = content.getvalue()
    return data


def _change(table: pa.Table, rng: random.Random) -> pa.Table:
    at = rng.randrange(table.num_columns)
    name, values = table.column_names[at], table.column(at).to_pylist()
    action = rng.randrange(9)
    if action == 0:
        return table.remove_column(at)
    if action == 1:
        return table.append_column(rng.choice(("new", name)), table.column(at))
    if action == 2:
        return table.take(
            pa.array([rng.randrange(len(table)) for _ in range(rng.choice((0, 1, 30)))])
        )
    if action == 3:
        return pa.concat_tables([table] * rng.choice((2, 400)))
    if action == 4:
        return table.rename_columns(
            [each if each != name else "other" for each in table.column_names]
        )
    if action == 5:
        return table.set_column(at, name, pa.array([None] * len(values)))
    if action == 6:
        return table.set_column(at, name, pa.array([_like(None, rng)] * len(values)))
    kind = table.schema.field(at).type
    for _ in range(rng.choice((1, 1, 5))):
        row = rng.randrange(len(values))
        values[row] = _like(values[row], rng) if rng.random() < 0.8 else None
    try:
        column = pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        column = pa.array([str(value)[:1000] for value in values])
    return table.set_column(at, name, column)


def _like(value: Any, rng: random.Random) -> Any:
    """Another value, often of the same type."""
    if isinstance(value, str):
        return rng.choice(TEXTS)
    if isinstance(value, list):
        return [rng.choice(TEXTS) for _ in range(rng.choice((0, 1, 3)))]
    if isinstance(value, int | float):
        return rng.choice([each for each in NUMBERS if abs(each) < 2**63 or each != each])
    return any_value(rng, depth=3)

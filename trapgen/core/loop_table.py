"""Loops on disk: a table of loops and a table of their hits.

Every stage writes loops in this form, and the next reads the same arrays. MIDI files beside the
tables are an export.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import ParameterError, TableError
from trapgen.core.grid import MAX_BARS
from trapgen.core.kit import N_VOICES
from trapgen.core.loop import OF_HITS, DrumLoop, Lineage, place_hits
from trapgen.core.parquet import iterate_arrow, read_arrow
from trapgen.core.store import replacing
from trapgen.core.tables import LOOPS, make_table, write_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

HITS_NAME: Final = "hits.parquet"
LOOPS_NAME: Final = "loops.parquet"

HIT: Final = np.dtype(
    [
        ("step", "<i4"),
        ("voice", "u1"),
        ("velocity", "u1"),
        ("offset", "<f4"),
        ("pitch", "u1"),
        ("length", "<f4"),
    ]
)
"""Record of a hit: its step and voice, then its attributes in `DrumLoop`."""

HITS: Final[Mapping[str, str]] = {
    "loop_id": "dictionary<values=string, indices=int32, ordered=0>",
    "step": "int32",
    "voice": "uint8",
    "velocity": "uint8",
    "offset": "float",
    "pitch": "uint8",
    "length": "float",
    "roll_count": "uint8",
    "roll_rate": "uint8",
    "roll_ramp": "float",
}
"""`hits.parquet`: one row per hit, sorted by loop, step and voice, with its Arrow types.

`offset` and `length` are in steps, `length` 0 if unknown; `pitch` is the MIDI key as read. A hit
may be a roll, struck `roll_count` times at `roll_rate` strikes per quarter, with velocity growing
by the factor `1 + roll_ramp` to the last: currently every hit is struck once, 1, 0 and 0.
"""

_SMALL: Final[Mapping[str, Any]] = {
    "compression": "zstd",
    "compression_level": 3,
    "write_statistics": False,
    "use_dictionary": [name for name in HITS if name != "step"],
    "column_encoding": {"step": "DELTA_BINARY_PACKED"},
}

_ONCE: Final = {"roll_count": 1, "roll_rate": 0, "roll_ramp": 0.0}
_AGAIN: Final = "Run the stage that writes it again."

Sided = Sequence[tuple[str, DrumLoop]]
"""Loops with their split; empty for no split."""


def list_hits(loop: DrumLoop) -> NDArray[Any]:
    """`(n_onsets,)` records of `HIT`, sorted by step, then by voice."""
    cells = np.flatnonzero(loop.onsets)
    hits = np.empty(len(cells), HIT)
    hits["step"], hits["voice"] = np.divmod(cells, N_VOICES)
    for name, array in zip(_OF_LOOP, OF_HITS, strict=True):
        hits[name] = getattr(loop, array).ravel()[cells]
    return hits


def describe_loop(loop: DrumLoop, path: Path | str = "") -> dict[str, Any]:
    """The columns of every table of loops: identity, path of the MIDI file, content."""
    lineage = loop.lineage
    return {
        "loop_id": lineage.loop_id,
        "path": Path(path).as_posix() if path else "",
        "pack": lineage.pack,
        "role": lineage.role,
        "style": lineage.style,
        "bpm": loop.bpm,
        "n_bars": loop.n_bars,
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "source_ids": lineage.source_ids,
    }


def hash_loops(sided: Sided) -> str:
    """Hash of loops with their splits, lineage and hits, in their order: sixteen hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for side, loop in sided:
        row = json.dumps([side, describe_loop(loop)], default=list).encode()
        hits = list_hits(loop).tobytes()
        digest.update(b"%d %d " % (len(row), len(hits)) + row + hits)
    return digest.hexdigest()


def write_loops(folder: Path, sided: Sided, paths: Sequence[Path | str] = ()) -> pd.DataFrame:
    """Write loops as `loops.parquet` (`trapgen.core.LOOPS`) and `hits.parquet`.

    Args:
        folder: Output folder.
        sided: The loops; their ids are unique.
        paths: Each loop's MIDI file, relative to the folder; by default none.

    Returns:
        The table of loops.

    Raises:
        ParameterError: Two loops have the same id.
    """
    names = Counter(loop.lineage.loop_id for _, loop in sided)
    if len(names) < len(sided):
        raise ParameterError("loop_id", "each loop's own", names.most_common(1)[0][0])
    rows = [
        describe_loop(loop, path)
        | {"side": side, "parents": loop.lineage.parents, "recipe": loop.lineage.recipe}
        for (side, loop), path in zip(sided, paths or ("",) * len(sided), strict=True)
    ]
    table = make_table(rows, LOOPS)
    write_hits(folder / HITS_NAME, table["loop_id"], [list_hits(loop) for _, loop in sided])
    write_table(folder / LOOPS_NAME, table, LOOPS)
    return table


def write_hits(path: Path, loop_ids: Iterable[str], hits: Sequence[NDArray[Any]]) -> None:
    """Write a table of hits; the same hits give the same bytes.

    Args:
        path: The file.
        loop_ids: The id of each loop.
        hits: `(n_onsets,)` records of `HIT` per loop.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    every = np.concatenate(hits, dtype=HIT) if hits else np.empty(0, HIT)
    loop = np.repeat(np.arange(len(hits), dtype=np.int32), [len(each) for each in hits])
    names = pa.array(list(loop_ids), pa.string())
    columns = {"loop_id": pa.DictionaryArray.from_arrays(pa.array(loop), names)}
    columns |= {name: pa.array(every[name]) for name in HIT.names or ()}
    for name, value in _ONCE.items():
        columns[name] = pa.repeat(pa.scalar(value, pa.type_for_alias(HITS[name])), len(every))
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary, **_SMALL)


def read_loops(folder: Path, sides: Collection[str] | None = None) -> list[tuple[str, DrumLoop]]:
    """Read split and loop of every row of `loops.parquet`, in order, with lineage.

    Args:
        folder: Folder that `write_loops` wrote.
        sides: Only loops of these splits; by default all.

    Raises:
        TableError: A table is missing, or the two do not match.
    """
    path = folder / LOOPS_NAME
    rows = [row for row in read_rows(path, LOOPS) if sides is None or row["side"] in sides]
    loops = join_hits(rows, folder / HITS_NAME)
    return list(zip([str(row["side"]) for row in rows], loops, strict=True))


def read_rows(path: Path, schema: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of a Parquet table, without pandas; for tables of loops, which are small.

    Raises:
        TableError: The table is missing, or its columns or their types are not the schema's.
    """
    rows: list[dict[str, Any]] = read_arrow(path, schema).to_pylist()
    return rows


def join_hits(rows: Sequence[Mapping[str, Any]], path: Path) -> list[DrumLoop]:
    """The loops of a table's rows, with their hits.

    Args:
        rows: Rows of a table of loops (see `describe_loop`), `parents` and `recipe` optional.
        path: The table of hits beside it; it may contain hits of other loops.

    Raises:
        TableError: The hits are missing, belong to other loops, or break a rule.
    """
    number_of = {row["loop_id"]: number for number, row in enumerate(rows)}
    if len(number_of) < len(rows):
        raise TableError(path, "loop_id", "one id of two loops", _AGAIN)
    n_stated, n_hits = np.array([row["n_onsets"] for row in rows]), np.zeros(len(rows), np.int64)
    # Part by part: only hits of these loops are kept, and of each only as many as it states.
    loops, kept = [np.zeros(0, np.int64)], [np.empty(0, HIT)]
    for table in iterate_arrow(path, HITS):
        for name, value in _ONCE.items():
            if (_to_numpy(table, name) != value).any():
                detail = "This version reads hits that are struck once."
                raise TableError(path, "rolls", name, detail)
        names = table["loop_id"].combine_chunks()
        known = np.array([number_of.get(n, -1) for n in names.dictionary.to_pylist()], np.int64)
        loop = known[np.from_dlpack(names.indices)]
        hits = np.empty(len(loop), HIT)
        for name in HIT.names or ():
            hits[name] = _to_numpy(table, name)
        is_ours = loop >= 0
        loops.append(loop[is_ours])
        kept.append(hits[is_ours])
        n_hits += np.bincount(loops[-1], minlength=len(rows))
        for number in np.flatnonzero(n_hits > n_stated).tolist():
            raise _refuse_count(rows[number], n_hits[number], path)
    loop, hits = np.concatenate(loops), np.concatenate(kept)
    order = np.argsort(loop, kind="stable")
    bounds = np.searchsorted(loop[order], np.arange(len(rows) + 1))
    return [
        _make_loop(row, hits[order[start:end]], path)
        for row, start, end in zip(rows, bounds[:-1], bounds[1:], strict=True)
    ]


def _refuse_count(row: Mapping[str, Any], n_hits: int, path: Path) -> TableError:
    received = f"{n_hits} hits of {row['loop_id']}, which has {row['n_onsets']}"
    return TableError(path, "hits", received, _AGAIN)


def _to_numpy(table: pa.Table, name: str) -> NDArray[Any]:
    # `to_numpy` would import pandas, too.
    column: NDArray[Any] = np.from_dlpack(table[name].combine_chunks())
    return column


def _make_loop(row: Mapping[str, Any], hits: NDArray[Any], path: Path) -> DrumLoop:
    if not 1 <= row["n_bars"] <= MAX_BARS:
        received = f"{row['n_bars']} bars of {row['loop_id']}"
        raise TableError(path, "n_bars", received, f"A loop has 1 to {MAX_BARS:,} bars.")
    if len(hits) != row["n_onsets"]:
        raise _refuse_count(row, len(hits), path)
    lineage = Lineage(
        loop_id=row["loop_id"],
        source_ids=tuple(row["source_ids"]),
        pack=row["pack"],
        role=row["role"],
        style=row["style"],
        parents=tuple(row.get("parents", ())),
        recipe=row.get("recipe", ""),
    )
    cells = hits["step"].astype(np.int64) * N_VOICES + hits["voice"]
    try:
        values = [hits[name] for name in _OF_LOOP]
        loop = place_hits(cells, values, row["n_bars"], row["steps_per_bar"], row["bpm"], lineage)
        if loop.n_onsets < len(hits) or (hits["voice"] >= N_VOICES).any():
            raise ParameterError("hits", f"one a step of {N_VOICES} voices", loop.n_onsets)
    except (ParameterError, TypeError) as error:  # a tempo may be missing
        raise TableError(path, "values", f"{row['loop_id']}: {error}", _AGAIN) from error
    return loop


_OF_LOOP: Final = ("velocity", "offset", "pitch", "length")

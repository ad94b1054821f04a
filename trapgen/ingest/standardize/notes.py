"""Metadata of a pack's files: `pack.csv`, as `trapgen import` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trapgen.core import PACK, TableError, read_table

if TYPE_CHECKING:
    import pandas as pd

PACK_TABLE: Final = "pack.csv"


@dataclass(frozen=True, slots=True)
class Note:
    """Style of a file, the split assigned by its publisher, and its group; empty if not stated.

    A group is named after its pack: another pack's group of the same name is another one.
    """

    style: str = ""
    split: str = ""
    group: str = ""


def read_notes(files: Iterable[Path]) -> dict[Path, Note]:
    """Metadata of every pack whose table is among the files, by path of the file it is about.

    Raises:
        TableError: A `pack.csv` breaks its schema.
    """
    notes = {}
    for table in (path for path in files if path.name == PACK_TABLE):
        for row in read_pack(table).to_dict("records"):
            group = f"{table.parent.name}/{row['group']}" if row["group"] else ""
            notes[table.parent / row["path"]] = Note(row["style"], row["split"], group)
    return notes


def read_pack(path: Path) -> pd.DataFrame:
    """Read a `pack.csv`; one without the column `group`, as earlier versions wrote it, has none.

    Raises:
        TableError: It breaks its schema.
    """
    without = {column: kind for column, kind in PACK.items() if column != "group"}
    try:
        return read_table(path, without).assign(group="")
    except TableError:
        return read_table(path, PACK)

"""Metadata of a pack's files: `pack.csv`, as `trapgen import` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trapgen.core import PACK, read_table

PACK_TABLE: Final = "pack.csv"


@dataclass(frozen=True, slots=True)
class Note:
    """Style of a file, and the split assigned by its publisher; empty if not stated."""

    style: str = ""
    split: str = ""


def read_notes(source: Path) -> dict[Path, Note]:
    """Metadata of every pack in a folder, recursively, by path of the file.

    Raises:
        TableError: A `pack.csv` breaks its schema.
    """
    tables = sorted(source.rglob(PACK_TABLE)) if source.is_dir() else []
    return {
        table.parent / row["path"]: Note(row["style"], row["split"])
        for table in tables
        for row in read_table(table, PACK).to_dict("records")
    }

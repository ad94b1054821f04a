"""docs/formats.md names the columns of every table, in their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trapgen.core import LOOPS, MANIFEST, OVERLAP, PACK, REJECTS, SPLIT, SURVIVORS
from trapgen.core.loop_table import HITS

TEXT = Path(__file__).parents[2].joinpath("docs/formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("manifest.parquet", MANIFEST),
        ("hits.parquet", HITS),
        ("loops.parquet", LOOPS),
        ("rejects.csv", REJECTS),
        ("split.parquet", SPLIT),
        ("overlap.parquet", OVERLAP),
        ("survivors.parquet", SURVIVORS),
        ("pack.csv", PACK),
    ],
)
def test_the_columns_of_a_table_are_named_in_their_order(name, schema):
    (paragraph,) = re.findall(rf"\*\*`{re.escape(name)}`\*\*(.*?)(?:\*\*|\n\n|\Z)", TEXT, re.DOTALL)
    named = [word for word in re.findall(r"`(\w+)`", paragraph) if word in schema]
    assert list(dict.fromkeys(named)) == list(schema)

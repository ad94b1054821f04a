"""Data Docs: deterministic bytes, and links between the sites.

Stages run in processes of their own, and DVC deletes a stage's outputs before it runs. Every stage
with checks therefore has its own site; the sites link to each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RAW_DOCS: Final = "raw_docs"
TABLE_DOCS: Final = "data_docs"
TEXT_DOCS: Final = "encoded_docs"

SITES: Final[Mapping[str, str]] = {
    RAW_DOCS: "the raw packs (standardize)",
    TABLE_DOCS: "the tables and the gate (audit)",
    TEXT_DOCS: "the encoded text (encode, once the gate has passed)",
}
"""The sites in `data/audit` by folder, in the order of the pipeline, with their content."""

FIRST_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Fixed time of every run, so that the same tables give the same bytes of Data Docs."""


def finish_docs(docs: Path) -> None:
    """Remove clock, random ids and the remote logo from the pages, and list the results.

    great_expectations has no setting for these. Its index lists the results with a script from the
    network and would be empty offline.
    """
    for page in docs.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        to_root = "../" * (len(page.relative_to(docs).parts) - 1)
        text = re.sub(r"https://[^\"]*/(logo-long\.png)[^\"]*", rf"{to_root}static/images/\1", text)
        text = re.sub(r">\d{8}T\d{6}\.\d{6}Z<", f">{FIRST_DAY:%Y%m%dT%H%M%S.%fZ}<", text)
        text = re.sub(r"(?<=collapse-body)-[0-9a-f-]{36}", "", text)
        page.write_text(text, encoding="utf-8")
    found = sorted(page.relative_to(docs).as_posix() for page in docs.glob("validations/**/*.html"))
    links = {page: page.split("/")[1] for page in found}
    if docs.name in SITES:
        links |= {f"../{site}/index.html": SITES[site] for site in SITES if site != docs.name}
    listed = "".join(f'<li><a href="{page}">{words}</a></li>' for page, words in links.items())
    index = docs / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("<body>", f"<body>\n<ul>{listed}</ul>", 1), encoding="utf-8")

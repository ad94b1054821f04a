"""Checks of the raw packs: the files, and what a MIDI file and a pack must be.

Users' packs have broken files, and `standardize` names each in its rejects, so rules of single
files only warn. The stage stops where its result would no longer represent the user's packs: no
file is readable, most of a pack is not, or an attribution required by a license is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.checks.run import Findings, run_checks
from trapgen.core import PACK, InputError, make_table, read_table
from trapgen.ingest import Limits, check_name, clash_key, find_midi, printable

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

_MOST_BYTES: Final = Limits().entry_bytes
_DISTINCT: Final = 0.95
"""Minimum share of files that copy no other file; packs occasionally repeat a loop."""
_READABLE: Final = 0.5
"""Minimum share of readable files in a pack; below it, the whole pack is damaged."""
_FEW_FILES: Final = 10
"""In a pack of fewer files the share is not meaningful."""
_DAMAGE: Final = frozenset({"truncated", "no_notes", "time_division", "unreadable"})
"""Reading rules about the file itself; the others are about its music."""
_ATTRIBUTION: Final = "ATTRIBUTION.md"
_FILES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("path", "pack", "bad_name", "name_key", "header", "trouble"), "str"),
    **dict.fromkeys(("digest", "digest_in_pack"), "str"),
    "size": "int64",
}


def expect_of_raw() -> dict[str, list[Expectation]]:
    """Expectations of a file, a pack, and all packs together; those of single files only warn."""
    import great_expectations.expectations as gxe

    unreadable = "none: the file reads to its end and has notes"
    copies = f"none: no file before it has its bytes, in at least {_DISTINCT:.0%} of the rows"
    by_performers = f"{_ATTRIBUTION} beside a pack.csv with performers"
    files = [
        gxe.ExpectColumnValuesToBeNull(
            column="bad_name",
            severity="warning",
            description="none: the name works on every system",
        ),
        gxe.ExpectColumnValuesToBeUnique(
            column="name_key",
            severity="warning",
            description="unique: no two names differ only in case or accents",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="size",
            min_value=1,
            max_value=_MOST_BYTES,
            severity="warning",
            description=f"from 1 to {_MOST_BYTES:,} bytes",
        ),
        # A file breaks one rule only: an unreadable file has no header, a wrong header no trouble.
        gxe.ExpectColumnValuesToBeInSet(
            column="header", value_set=["MThd"], severity="warning", description="MThd"
        ),
        gxe.ExpectColumnValuesToBeNull(
            column="trouble", severity="warning", description=unreadable
        ),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="digest_in_pack",
            column_B="digest",
            ignore_row_if="either_value_is_missing",
            severity="warning",
            description="equal to the digest in its pack.csv",
        ),
        gxe.ExpectColumnValuesToBeNull(
            column="same_as", mostly=_DISTINCT, severity="warning", description=copies
        ),
    ]
    packs = [
        gxe.ExpectColumnValuesToBeBetween(
            column="n_readable", min_value=1, severity="warning", description="at least 1"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="share_readable",
            min_value=_READABLE,
            max_value=1,
            description=f"from {_READABLE} to 1",
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="attribution", value_set=[_ATTRIBUTION], description=by_performers
        ),
    ]
    corpus = [
        gxe.ExpectColumnValuesToBeBetween(
            column="n_readable", min_value=1, description="at least 1"
        )
    ]
    return {"raw_files": files, "raw_packs": packs, "raw_corpus": corpus}


def check_raw(raw: Path, rejects: pd.DataFrame, docs: Path | None) -> Findings:
    """Check `data/raw` against the rules for files and packs, and write Data Docs.

    Args:
        raw: The corpus stage's output: one folder per pack.
        rejects: Unreadable files, with reasons (`trapgen.core.REJECTS`).
        docs: Folder of the Data Docs, replaced as a whole; None writes none.

    Raises:
        InputError: There is no such folder.
        TableError: A `pack.csv` breaks its schema.
    """
    trouble = {row["path"]: (row["rule"], row["received"]) for row in rejects.to_dict("records")}
    noted = {path: read_table(path, PACK) for path in sorted(raw.rglob("pack.csv"))}
    digests = {
        at.parent / name: digest
        for at, table in noted.items()
        for name, digest in zip(table["path"], table["sha256"], strict=True)
    }
    rows = [_describe_file(path, raw, digests.get(path, ""), trouble) for path in find_midi(raw)]
    files = make_table(rows, _FILES)
    first = files.groupby("digest")["path"].transform("first")
    files["same_as"] = first.where(first != files["path"]).astype("str")
    packs = _describe_packs(files, _find_attributions(noted, raw))
    corpus = packs[["n_files", "n_readable"]].sum().to_frame().T
    rules = expect_of_raw()
    checks = {
        "raw_files": (files, ["path"], rules["raw_files"]),
        "raw_packs": (packs, ["pack"], rules["raw_packs"]),
        "raw_corpus": (corpus, [], rules["raw_corpus"]),
    }
    return run_checks(checks, docs, "corpus")


def _describe_file(
    path: Path, raw: Path, digest_in_pack: str, trouble: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    relative = path.relative_to(raw)
    size = path.stat().st_size
    row: dict[str, Any] = {
        "path": printable(relative.as_posix()),
        "pack": printable(relative.parts[0]),
        "name_key": printable(clash_key(relative.as_posix())),
        "size": size,
        "digest_in_pack": digest_in_pack or None,
    }
    try:
        check_name(relative.as_posix())
    except InputError as error:
        row["bad_name"] = error.rule
    if 0 < size <= _MOST_BYTES:
        row["digest"] = hashlib.sha256(path.read_bytes()).hexdigest()
        rule, received = trouble.get(relative.as_posix(), ("", ""))
        row["header"] = received if rule == "not_midi" else "MThd"
        row["trouble"] = f"{rule}, {received}" if rule in _DAMAGE else None
    return row


def _find_attributions(noted: Mapping[Path, pd.DataFrame], raw: Path) -> dict[str, str]:
    """By pack, the attribution or `missing`, if a `pack.csv` in it names performers.

    `trapgen import` copies performers from published data sets, whose licenses require attribution.
    """
    found: dict[str, str] = {}
    for path, table in noted.items():
        if table["performer"].astype(bool).any():
            pack = printable(path.relative_to(raw).parts[0])
            is_there = path.with_name(_ATTRIBUTION).is_file()
            found[pack] = _ATTRIBUTION if is_there and found.get(pack) != "missing" else "missing"
    return found


def _describe_packs(files: pd.DataFrame, attributions: Mapping[str, str]) -> pd.DataFrame:
    reads = (files["header"] == "MThd") & files["trouble"].isna()
    packs = reads.groupby(files["pack"]).agg(n_files="size", n_readable="sum").reset_index()
    share = packs["n_readable"] / packs["n_files"]
    return packs.assign(
        share_readable=share.where(packs["n_files"] >= _FEW_FILES),
        attribution=packs["pack"].map(attributions).astype("str"),
    )

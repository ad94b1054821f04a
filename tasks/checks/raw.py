"""The raw packs: files as found, held against what a MIDI file and a pack have to be.

Users' packs have broken files, and `standardize` names each in its rejects: what concerns single
files warns. The stage stops where going on would be about something else than the user's packs:
nothing reads, most of a pack does not, or the text that a licence asks for is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.checks.run import Check, Findings, run_checks
from trapgen.core import InputError, make_table, printable
from trapgen.ingest import Limits, check_name, clash_key, list_files, read_pack

if TYPE_CHECKING:
    from datetime import datetime

    import great_expectations as gx
    import pandas as pd

_MOST_BYTES: Final = Limits().entry_bytes
_DISTINCT: Final = 0.95
"""The least share of files that copy no other; packs repeat a loop now and then."""
_READABLE: Final = 0.5
"""The least share of a pack's files that read; below it, the pack as a whole is damaged."""
_FEW_FILES: Final = 10
"""A pack of fewer files says nothing by its share."""
_DAMAGE: Final = frozenset({"truncated", "no_notes", "time_division", "unreadable"})
"""Rules of reading that a file breaks as a file; others concern the music in it."""
_ATTRIBUTION: Final = "ATTRIBUTION.md"
_FILES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("path", "pack", "bad_name", "name_key", "header", "trouble"), "str"),
    **dict.fromkeys(("digest", "digest_in_pack"), "str"),
    "size": "int64",
}


def make_file_suite() -> gx.ExpectationSuite:
    """What a file must be; it warns, since `standardize` rejects the file and goes on."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    warning = FailureSeverity.WARNING
    sizes = f"from 1 to {_MOST_BYTES:,} bytes"
    copies = f"none: no file before it has its bytes, in at least {_DISTINCT:.0%} of the rows"
    return gx.ExpectationSuite(
        "raw_files",
        expectations=[
            gxe.ExpectColumnValuesToBeNull(
                column="bad_name",
                severity=warning,
                description="bad_name must be none: the name works on every system",
            ),
            gxe.ExpectColumnValuesToBeUnique(
                column="name_key",
                severity=warning,
                description=(
                    "name_key must be unique: no two names differ only in case or accents"
                ),
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="size",
                min_value=1,
                max_value=_MOST_BYTES,
                severity=warning,
                description=f"size must be {sizes}",
            ),
            # A file breaks one rule only: what cannot be read has no header, another header no
            # trouble.
            gxe.ExpectColumnValuesToBeInSet(
                column="header",
                value_set=["MThd"],
                severity=warning,
                description="header must be MThd",
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="trouble",
                severity=warning,
                description="trouble must be none: the file reads to its end and has notes",
            ),
            gxe.ExpectColumnPairValuesToBeEqual(
                column_A="digest_in_pack",
                column_B="digest",
                ignore_row_if="either_value_is_missing",
                severity=warning,
                description="digest must be equal to the digest in its pack.csv",
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="same_as",
                mostly=_DISTINCT,
                severity=warning,
                description=f"same_as must be {copies}",
            ),
        ],
    )


def make_pack_suite() -> gx.ExpectationSuite:
    """What a pack must be."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    return gx.ExpectationSuite(
        "raw_packs",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column="n_readable",
                min_value=1,
                severity=FailureSeverity.WARNING,
                description="n_readable must be at least 1",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="share_readable",
                min_value=_READABLE,
                max_value=1,
                description=f"share_readable must be from {_READABLE} to 1",
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="attribution",
                value_set=[_ATTRIBUTION],
                description=f"attribution must be {_ATTRIBUTION} beside a pack.csv with performers",
            ),
        ],
    )


def make_corpus_suite() -> gx.ExpectationSuite:
    """What all packs together must be."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        "raw_corpus",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column="n_readable", min_value=1, description="n_readable must be at least 1"
            )
        ],
    )


def check_raw(
    raw: Path, rejects: pd.DataFrame, history: Path | None, run_time: datetime | None = None
) -> Findings:
    """Hold `data/raw` against the rules for files and packs.

    Args:
        raw: The folder that the corpus stage fills: a folder a pack.
        rejects: The files that were not read, and why (`trapgen.core.REJECTS`).
        history: Where the results are kept, None for nowhere (`tasks.checks.run.run_checks`).
        run_time: Dates the run there; now, if None.

    Raises:
        InputError: There is no such folder.
        TableError: A `pack.csv` breaks its schema.
    """
    trouble = {row["path"]: (row["rule"], row["received"]) for row in rejects.to_dict("records")}
    noted = {path: read_pack(path) for path in sorted(raw.rglob("pack.csv"))}
    digests = {
        at.parent / name: digest
        for at, table in noted.items()
        for name, digest in zip(table["path"], table["sha256"], strict=True)
    }
    listing = list_files(raw)
    large = [error.path for error in listing.refused if error.rule == "file_size"]
    paths = sorted([*listing.midi, *large])
    rows = [_describe_file(path, raw, digests.get(path, ""), trouble) for path in paths]
    files = make_table(rows, _FILES)
    first = files.groupby("digest")["path"].transform("first")
    files["same_as"] = first.where(first != files["path"]).astype("str")
    packs = _describe_packs(files, _find_attributions(noted, raw))
    corpus = packs[["n_files", "n_readable"]].sum().to_frame().T
    checks = [
        Check(make_file_suite(), files, ["path"]),
        Check(make_pack_suite(), packs, ["pack"]),
        Check(make_corpus_suite(), corpus),
    ]
    return run_checks(checks, history, "standardize", run_time)


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
    """By pack, the attribution or `missing`, where a `pack.csv` in it names performers.

    `trapgen import` takes performers over from published data sets, whose licences ask for it.
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

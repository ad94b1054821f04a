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

from tasks.checks.rules import Rule, Suite, between, blank, equal, one_of, unique
from tasks.checks.run import Findings, run_suites
from trapgen.core import PACK, InputError, make_table, read_table
from trapgen.ingest import Limits, check_name, clash_key, find_midi, printable

if TYPE_CHECKING:
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
    "path": "str",
    "pack": "str",
    "bad_name": "str",
    "name_key": "str",
    "size": "int64",
    "header": "str",
    "trouble": "str",
    "digest": "str",
    "digest_in_pack": "str",
    "same_as": "str",
}
_PACKS: Final[Mapping[str, str]] = {
    "pack": "str",
    "n_files": "int64",
    "n_readable": "int64",
    "share_readable": "float64",
    "attribution": "str",
}

_FILE_RULES: Final = (
    blank("bad_name", "none: the name works on every system", warns=True),
    unique("name_key", "unique: case and accents part no two names everywhere", warns=True),
    Rule(
        "size",
        f"from 1 to {_MOST_BYTES:,} bytes",
        "ExpectColumnValuesToBeBetween",
        {"min_value": 1, "max_value": _MOST_BYTES},
        warns=True,
    ),
    # A file breaks one rule only: what cannot be read has no header, another header no trouble.
    one_of("header", ["MThd"], warns=True),
    blank("trouble", "none: the file reads to its end and has notes", warns=True),
    equal("digest", "digest_in_pack", "as its pack.csv has it", warns=True),
    blank("same_as", "none: no file before it has its bytes", mostly=_DISTINCT, warns=True),
)
_PACK_RULES: Final = (
    between("n_readable", 1, warns=True),
    between("share_readable", _READABLE, 1),
    one_of("attribution", [_ATTRIBUTION], f"{_ATTRIBUTION} beside a pack.csv with performers"),
)
_CORPUS_RULES: Final = (between("n_readable", 1),)


def check_raw(raw: Path, rejects: pd.DataFrame, docs: Path | None) -> Findings:
    """Hold `data/raw` against the rules for files and packs, and write Data Docs.

    Args:
        raw: The folder that the corpus stage fills: a folder a pack.
        rejects: The files that were not read, and why (`trapgen.core.REJECTS`).
        docs: The folder of the Data Docs, replaced as a whole; None leaves them out.

    Raises:
        InputError: There is no such folder.
        TableError: A `pack.csv` breaks its schema.
    """
    trouble = {row["path"]: (row["rule"], row["received"]) for row in rejects.to_dict("records")}
    noted = {
        table: read_table(table, PACK).to_dict("records") for table in sorted(raw.rglob("pack.csv"))
    }
    digests = {table.parent / row["path"]: row["sha256"] for table in noted for row in noted[table]}
    rows = [_describe_file(path, raw, digests.get(path, ""), trouble) for path in find_midi(raw)]
    first: dict[str, str] = {}
    for row in rows:
        if digest := row["digest"]:
            row["same_as"] = first.get(digest)
            first.setdefault(digest, row["path"])
    files = make_table(rows, _FILES)
    packs = _describe_packs(files, _find_attributions(noted, raw))
    corpus = packs[["n_files", "n_readable"]].sum().to_frame().T
    suites = [
        Suite("raw_files", files, ["path"], _FILE_RULES),
        Suite("raw_packs", packs, ["pack"], _PACK_RULES),
        Suite("raw_corpus", corpus, [], _CORPUS_RULES),
    ]
    return run_suites(suites, docs, "corpus")


def _describe_file(
    path: Path, raw: Path, digest_in_pack: str, trouble: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    relative = path.relative_to(raw)
    size = path.stat().st_size
    row: dict[str, Any] = {
        "path": printable(relative.as_posix()),
        "pack": printable(relative.parts[0]),
        "bad_name": None,
        "name_key": printable(clash_key(relative.as_posix())),
        "size": size,
        "digest": None,
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


def _find_attributions(noted: Mapping[Path, list[dict[Any, Any]]], raw: Path) -> dict[str, str]:
    """By pack, the attribution or `missing`, where a `pack.csv` in it names performers.

    `trapgen import` takes performers over from published data sets, whose licences ask for it.
    """
    found: dict[str, str] = {}
    for table, rows in noted.items():
        if any(row["performer"] for row in rows):
            pack = printable(table.relative_to(raw).parts[0])
            is_there = (table.parent / _ATTRIBUTION).is_file()
            found[pack] = _ATTRIBUTION if is_there and found.get(pack) != "missing" else "missing"
    return found


def _describe_packs(files: pd.DataFrame, attributions: Mapping[str, str]) -> pd.DataFrame:
    reads = (files["header"] == "MThd") & files["trouble"].isna()
    rows = []
    for pack, of_pack in reads.groupby(files["pack"]):
        n_files, n_readable = len(of_pack), int(of_pack.sum())
        rows.append(
            {
                "pack": pack,
                "n_files": n_files,
                "n_readable": n_readable,
                "share_readable": n_readable / n_files if n_files >= _FEW_FILES else None,
                "attribution": attributions.get(str(pack)),
            }
        )
    return make_table(rows, _PACKS)

"""Import of a source as a pack: MIDI files byte for byte, a table of them, and refused entries."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from trapgen.core import (
    PACK,
    REJECTS,
    InputError,
    ParameterError,
    hold_folder,
    make_table,
    printable,
    read_table,
    replacing,
    write_table,
    write_text,
)
from trapgen.ingest.importers.archive import list_archive
from trapgen.ingest.importers.entry import Entry, Limits, Reader
from trapgen.ingest.importers.folder import list_folder
from trapgen.ingest.importers.groove import ATTRIBUTION, INFO, LABELS, parse_info
from trapgen.ingest.importers.names import check_name, find_clashes
from trapgen.ingest.keymap.settled import gather_settled, read_settled, split_track, write_settled
from trapgen.ingest.list_files import is_midi_name, name_kind
from trapgen.ingest.standardize.notes import read_pack

if TYPE_CHECKING:
    import pandas as pd

_OWN: Final = ("pack.csv", "rejects.csv", "ATTRIBUTION.md")
_TEMPORARY = re.compile(r"\.part-[0-9a-f]+-[0-9a-f]+(\.(midi?|rmi|kar|smf|csv|md))?", re.IGNORECASE)
"""Temporary names that `trapgen.core.store.replacing` gives to the files of a pack while writing
them."""


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        pack: The table `pack.csv` (`PACK`).
        rejects: The table `rejects.csv` (`trapgen.core.store.REJECTS`).
        left_out: Number of skipped files that are not MIDI, by lower-case extension; `hidden`
            counts names that begin with a dot, whatever their extension.
        n_written: Number of files written; the others existed already.
    """

    pack: pd.DataFrame
    rejects: pd.DataFrame
    left_out: dict[str, int]
    n_written: int

    def summarize(self) -> dict[str, Any]:
        """Counts of the import, for display and for `--json`."""
        return {
            "files": len(self.pack),
            "written": self.n_written,
            "bytes": int(self.pack["size"].sum()),
            "rejects": len(self.rejects),
            "left_out": self.left_out,
        }


def import_pack(
    source: Path,
    out: Path,
    *,
    limits: Limits | None = None,
    on_file: Callable[[int, int], None] | None = None,
) -> Imported:
    """Copy every MIDI file of a folder or ZIP into a pack, byte for byte, keeping its folders.

    Nothing is written outside `out`, and no existing file is replaced. Entries that break a rule
    are refused by name in `rejects.csv`, and the import continues; nested ZIPs are not opened.
    `pack.csv` is written last: while it is missing, the same call resumes the import, and ends
    with the same bytes as one without interruption.

    A source with the `info.csv` of the Groove MIDI Dataset is read with its labels, and its
    paths are relative to that table.

    Answers in a folder's `keymaps.csv` are taken along, unless the pack has others.

    Args:
        source: A folder, a ZIP, or one MIDI file.
        out: The pack's folder.
        limits: Limits of the source.
        on_file: Called after each file with the number done and the total.

    Raises:
        InputError: There is nothing to read at `source`; or `out` has another file under one of
            the names, or the files of another import.
        ParameterError: One of `out` and `source` is inside the other.
        TableError: A `keymaps.csv` is malformed.
    """
    limits = limits or Limits()
    _check_places(source, out)
    with hold_folder(out):
        return _fill(source, out, limits, on_file)


def _fill(
    source: Path, out: Path, limits: Limits, on_file: Callable[[int, int], None] | None
) -> Imported:
    answers = gather_settled(source) if source.is_dir() else {}
    _clear_stale(out, source)
    reader, rows, n_written = Reader(limits), [], 0
    with _open_source(source, limits) as entries:
        choice = _choose(entries, limits)
        labels, prefix = _find_labels(source, choice, limits)
        files = _name_files(choice, prefix)
        if not files and not choice.refused:
            raise InputError(source, "no_midi", "no MIDI file", "Check the path.")
        groups = _check_tables(out, set(files), labels is not None)
        for at, (name, entry) in enumerate(sorted(files.items()), start=1):
            try:
                data = reader.read(entry)
            except InputError as error:
                choice.refuse(entry.name, error)
            else:
                n_written += _place(out, name, data)
                known = (labels or {}).get(name) or dict.fromkeys(LABELS, "")
                digest = hashlib.sha256(data).hexdigest()
                row = {"path": name, "sha256": digest, "size": len(data), **known}
                rows.append(row | {"group": groups.get(name, "")})
            if on_file:
                on_file(at, len(files))
    seen = {row["path"] for row in choice.refused} | {prefix + name for name in files}
    for name in sorted(prefix + name for name in labels or {}):
        if name not in seen:
            choice.refuse(name, InputError(name, "missing", "no file", f"{INFO} names it."))
    choice.refused.sort(key=lambda row: (row["path"], row["rule"]))
    pack, rejects = make_table(rows, PACK), make_table(choice.refused, REJECTS)
    write_table(out / "rejects.csv", rejects, REJECTS)
    if labels is not None:
        write_text(out / "ATTRIBUTION.md", ATTRIBUTION)
    names = set(pack["path"])
    answers = {at: answers[at] for at in answers if names & {at, split_track(at)[0]}}
    if answers and not prefix:
        write_settled(out, answers | read_settled(out))
    write_table(out / "pack.csv", pack, PACK)
    return Imported(pack, rejects, dict(sorted(choice.left_out.items())), n_written)


def _check_places(source: Path, out: Path) -> None:
    if not source.exists():
        raise InputError(source, "missing", "no such file or folder", "Check the path.")
    if not source.is_dir() and not source.is_file():
        raise InputError(source, "not_a_file", "neither file nor folder", "Check the path.")
    if out.exists() and not out.is_dir():
        raise InputError(out, "not_a_folder", "a file", "Give a folder for the pack.")
    here, there = source.resolve(), out.resolve()
    if here.is_dir() and (here.is_relative_to(there) or there.is_relative_to(here)):
        raise ParameterError("out", f"a folder beside {source}, neither in nor above it", str(out))


def _clear_stale(out: Path, source: Path) -> None:
    """Remove temporary files of an interrupted import."""
    for path in sorted(out.rglob(".part-*")):
        if _TEMPORARY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            path.unlink()
    for folder in sorted(out.glob(".trapgen-*")):
        if not folder.is_symlink() and folder.is_dir() and folder not in source.parents:
            shutil.rmtree(folder)


@contextmanager
def _open_source(source: Path, limits: Limits) -> Iterator[list[Entry]]:
    if source.is_dir() or is_midi_name(source.name):
        yield list_folder(source)
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(source, "unreadable", error.strerror, "Check its permissions.") from error
    with file:
        yield list_archive(source, file, limits)


@dataclass
class _Choice:
    """Decision on each entry of a source, before any is read."""

    midi: list[Entry] = field(default_factory=list)
    tables: list[Entry] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def refuse(self, name: str, error: InputError) -> None:
        # The error's own path has lost what Path normalizes: "a//b" and "./b".
        self.refused.append(
            {
                "path": printable(name),
                "rule": error.rule,
                "received": printable(str(error.received)),
                "detail": error.detail,
            }
        )


def _choose(entries: list[Entry], limits: Limits) -> _Choice:
    choice = _Choice()
    for at, entry in enumerate(entries):
        path = PurePosixPath(entry.name)
        suffix = path.suffix.lower()
        try:
            if at >= limits.entries:
                detail = f"A source may have {limits.entries:,} entries."
                raise InputError(entry.name, "entry_count", len(entries), detail)
            check_name(entry.name)
            if entry.refusal:
                raise entry.refusal
            if suffix == ".zip":
                detail = "Nested ZIPs are not opened: unpack it and import it separately."
                raise InputError(entry.name, "nested_zip", path.name, detail)
        except InputError as error:
            choice.refuse(entry.name, error)
            continue
        if entry.name.endswith("/"):
            continue
        if is_midi_name(path.name) and not path.name.startswith("."):
            choice.midi.append(entry)
            continue
        choice.left_out[name_kind(path)] += 1
        if path.name == INFO and len(path.parts) <= 2:
            choice.tables.append(entry)
    return choice


def _find_labels(
    source: Path, choice: _Choice, limits: Limits
) -> tuple[dict[str, dict[str, str]] | None, str]:
    """Labels in Groove's table, and its folder: the top, or one that contains all files."""
    clashes = find_clashes([table.name for table in choice.tables], ())
    for table in sorted(choice.tables, key=lambda table: table.name):
        prefix = table.name.removesuffix(INFO)
        if not all(entry.name.startswith(prefix) for entry in choice.midi):
            continue
        try:
            if table.name in clashes:
                raise clashes[table.name]
            data = Reader(limits).read(table)
        except InputError as error:
            choice.refuse(table.name, error)
            continue
        labels = parse_info(source / table.name, data)
        if labels is not None:
            return labels, prefix
    return None, ""


def _name_files(choice: _Choice, prefix: str) -> dict[str, Entry]:
    """The files by their names in the pack; clashing names are refused."""
    names = [entry.name.removeprefix(prefix) for entry in choice.midi]
    clashes = find_clashes(names, _OWN)
    files = {}
    for name, entry in zip(names, choice.midi, strict=True):
        if name in clashes:
            choice.refuse(entry.name, clashes[name])
        else:
            files[name] = entry
    return files


def _check_tables(out: Path, names: set[str], is_groove: bool) -> dict[str, str]:
    """Refuse a pack with another import, or with the user's files under the pack's table names.

    Returns:
        The groups that the user gave the pack's files.
    """
    groups = {}
    if (out / "pack.csv").exists():
        before = read_pack(out / "pack.csv")
        groups = dict(zip(before["path"], before["group"], strict=True))
        others = sorted(set(groups) - names)
        if others:
            detail = "The pack holds files of another import; give another folder."
            raise InputError(out / "pack.csv", "other_import", others[0], detail)
    if (out / "rejects.csv").exists():
        read_table(out / "rejects.csv", REJECTS)
    path = out / "ATTRIBUTION.md"
    if is_groove and path.exists() and path.read_bytes() != ATTRIBUTION.encode():
        raise InputError(path, "differs", "another text", "Move it, or give another folder.")
    return groups


def _place(out: Path, name: str, data: bytes) -> bool:
    """Write a file of the pack; True if it did not exist.

    Raises:
        InputError: Another file or link has its path.
    """
    path = out / name
    for folder in list(path.relative_to(out).parents)[-2::-1]:
        above = out / folder
        if above.is_symlink() or (above.exists() and not above.is_dir()):
            detail = "The pack needs a folder there: move it, or give another folder."
            raise InputError(above, "in_the_way", "a link or file", detail)
    if path.is_symlink() or path.exists():
        if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
            detail = "This import did not write it: move it, or give another folder."
            raise InputError(path, "differs", "another file", detail)
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return True

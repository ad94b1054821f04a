"""The files of a folder as entries; links that leave it are refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from trapgen.core import InputError, printable
from trapgen.ingest.importers.entry import CHUNK_BYTES, Entry


def list_folder(source: Path) -> list[Entry]:
    """Every file in a folder, recursively and sorted; or the file itself.

    A link to a file within the folder counts as that file. A link to a folder is refused, since
    its files are listed in their own folder. A folder that cannot be read is refused, too.

    Raises:
        InputError: `source` itself cannot be read.
    """
    if source.is_file():
        return [Entry(source.name, partial(_chunks, source))]
    root = source.resolve()
    entries: list[Entry] = []

    def refuse(error: OSError) -> None:
        folder = Path(error.filename)
        relative = folder.relative_to(source).as_posix()
        detail = "Check its permissions."
        refusal = InputError(printable(relative), "unreadable", error.strerror, detail)
        if folder == source:
            raise refusal from error
        entries.append(Entry(f"{relative}/", partial(_chunks, folder), refusal))

    for at, folders, files in os.walk(source, onerror=refuse):
        links = [name for name in folders if Path(at, name).is_symlink()]
        for name in files + links:
            path = Path(at, name)
            relative = path.relative_to(source).as_posix()
            entries.append(Entry(relative, partial(_chunks, path), _refusal(path, relative, root)))
    return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _refusal(path: Path, name: str, root: Path) -> InputError | None:
    shown = printable(name)
    try:
        target = path.resolve(strict=True) if path.is_symlink() else path
        mode = target.stat().st_mode
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a ring, before Python 3.13
        return InputError(shown, "broken_link", type(error).__name__, "It points to no file.")
    if target is not path and not target.is_relative_to(root):
        aim = printable(str(path.readlink()))
        return InputError(shown, "symlink", aim, "A link must stay within the folder.")
    if stat.S_ISDIR(mode):
        return InputError(shown, "symlink", "a folder", "Its files are read in their own folder.")
    if not stat.S_ISREG(mode):
        return InputError(shown, "not_a_file", oct(mode), "Only plain files are copied.")
    return None


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece
    except OSError as error:
        raise InputError(path, "unreadable", error.strerror, "Check its permissions.") from error

"""Input files: read whole if they are plain files of a bounded size, else refused unopened.

A pipe or a device is never opened: reading one may wait for ever, or have effects.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from trapgen.core.errors import InputError

MAX_BYTES: Final = 1 << 28
"""Size up to which a file is read, if its kind has no limit of its own."""

MAX_TABLE_BYTES: Final = 1 << 32
"""The same of a file of weights, and of a table in Parquet."""

_PIECE_BYTES: Final = 1 << 20
_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_input(
    path: Path,
    error: type[InputError] = InputError,
    *,
    max_bytes: int = MAX_BYTES,
    detail: str = "Check the path.",
) -> None:
    """Check that a path leads to a plain file of a bounded size, without opening it.

    Args:
        path: The file; a link to one counts as it.
        error: What is raised.
        max_bytes: Largest size.
        detail: The remedy for a file that is missing.

    Raises:
        InputError: As `error`, with the rule `unreadable`, `not_a_file` or `file_size`.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as reason:  # ValueError: a NUL in the name
        raise _unreadable(path, error, reason, detail) from reason
    if stat.S_ISDIR(found.st_mode):
        raise error(path, "unreadable", "a folder", detail)
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "a special file")
        raise error(path, "not_a_file", kind, "Name a plain file.")
    if found.st_size > max_bytes:
        received = f"{found.st_size:,} bytes"
        raise error(path, "file_size", received, f"At most {max_bytes:,} bytes are read.")


def read_input(
    path: Path,
    error: type[InputError] = InputError,
    *,
    max_bytes: int = MAX_BYTES,
    detail: str = "Check the path.",
) -> bytes:
    """Read a file that passes `check_input`.

    Raises:
        InputError: As `error`, with the rule `unreadable`, `not_a_file` or `file_size`.

    Examples:
        >>> from pathlib import Path
        >>> _ = Path("note.txt").write_bytes(b"kick")
        >>> read_input(Path("note.txt"))
        b'kick'
        >>> read_input(Path("note.txt"), max_bytes=3)
        Traceback (most recent call last):
            ...
        trapgen.core.errors.InputError: note.txt: file_size (received 4 bytes). At most 3 bytes...
    """
    check_input(path, error, max_bytes=max_bytes, detail=detail)
    pieces, n_bytes = [], 0
    try:
        # Not blocking: what was a file may have become a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            while n_bytes <= max_bytes and (piece := file.read(_PIECE_BYTES)):
                pieces.append(piece)
                n_bytes += len(piece)
    except OSError as reason:
        raise _unreadable(path, error, reason, detail) from reason
    if n_bytes > max_bytes:
        detail = f"At most {max_bytes:,} bytes are read."
        raise error(path, "file_size", f"over {max_bytes:,} bytes", detail)
    return b"".join(pieces)


def _unreadable(path: Path, error: type[InputError], reason: Exception, detail: str) -> InputError:
    strerror = reason.strerror if isinstance(reason, OSError) else None
    return error(path, "unreadable", strerror or reason, detail)

"""Files on disk: written whole or not at all, hashed, and read with a limit."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import InputError, TableError, WriteError
from trapgen.core.inputs import MAX_TABLE_BYTES, read_input

_MAX_JSON_BYTES: Final = 1 << 24
_BEFORE: Final = "Run the stage that writes it."

_PARTS = itertools.count()
_OWNER = secrets.token_hex(4)
_PART_NAME: Final = re.compile(r"\.part-[0-9a-f]{8}([0-9a-f]+)-[0-9a-f]+(\.\w+)?")
_HAS_FOLDERS: Final = os.name == "posix"
"""Whether folders can be opened, to be flushed or locked."""


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, if it does not exist.

    Raises:
        WriteError: It cannot be created.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(path, error, "no_folder") from error


def name_part(suffix: str = "") -> str:
    """A temporary name that is unique to this process on any machine, and holds its number."""
    return f".part-{_OWNER}{os.getpid():x}-{next(_PARTS):x}{suffix}"


def clear_parts(folder: Path, pid: int) -> int:
    """Delete the temporary files and folders that a killed process left under `folder`.

    Args:
        folder: Where to look; links are not followed.
        pid: The number that the process had.

    Returns:
        How many were deleted.
    """
    found = [path for path in folder.rglob(".part-*") if find_writer(path.name) == pid]
    for path in found:
        remove(path)
    return len(found)


def find_writer(name: str) -> int | None:
    """The number of the process that gave a file this temporary name; None of another name."""
    found = _PART_NAME.fullmatch(name)
    return int(found[1], 16) if found else None


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; if the block succeeds, it replaces the file.

    The file is on the disk before it takes its name, so not even a power cut leaves half of it.

    Raises:
        InputError: `path` is a folder.
        WriteError: The file cannot be written.
    """
    # mkstemp would create a file that only its owner can read.
    temporary = path.with_name(name_part(path.suffix))
    make_folder(path.parent)
    if path.is_dir():
        raise InputError(path, "is_a_folder", "a folder", "Name a file.")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except OSError as error:
        raise WriteError(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    if path.is_dir() and not _HAS_FOLDERS:
        return
    handle = os.open(path, os.O_RDONLY if _HAS_FOLDERS else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems cannot flush a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def flush_all(folder: Path) -> None:
    """Wait until a folder and everything in it are on the disk.

    Raises:
        OSError: They cannot be written.
    """
    for above, _, names in os.walk(folder):
        for path in (*(Path(above, name) for name in names), Path(above)):
            if not path.is_symlink():
                flush(path)


def hash_files(*paths: Path) -> str:
    """Hash of the content of files in the given order, sixteen hex digits.

    Raises:
        TableError: One cannot be read.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        content = read_input(path, TableError, max_bytes=MAX_TABLE_BYTES, detail=_BEFORE)
        digest.update(content)
    return digest.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write readable JSON: indented, in the given order, no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        TableError: The file is missing, too large, or is not JSON: NaN and infinity are not.
    """
    content = read_input(path, TableError, max_bytes=_MAX_JSON_BYTES, detail=_BEFORE)
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_parse_finite)
        # A lone surrogate, as an escape can give, is text that no file can hold.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise TableError(path, "not_json", error, "Run the stage that writes it again.") from error
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _parse_finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:40]} is beyond the largest number")
    return number


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `.safetensors`; the same arrays give the same bytes, in whatever order."""
    from safetensors.numpy import save

    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(whole))


def read_arrays(path: Path, max_bytes: int = MAX_TABLE_BYTES) -> dict[str, NDArray[Any]]:
    """Read the arrays of a `.safetensors` file, by name, in the order of their names.

    Args:
        path: The file.
        max_bytes: Its largest size.

    Raises:
        TableError: The file is missing, too large or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_input(path, TableError, max_bytes=max_bytes, detail=_BEFORE)
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(path, "unreadable", error, "Run the stage that writes it.") from error
    return dict(sorted(arrays.items()))

"""An untrusted file in a source, and limits on how much of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Final

from trapgen.core import InputError, ParameterError

CHUNK_BYTES: Final = 1 << 16
"""Number of bytes read or inflated between checks of the limits."""


@dataclass(frozen=True)
class Limits:
    """Limits of one source; entries that exceed them are refused by name.

    The defaults admit real packs and no zip bomb: Groove's largest file has 156 KB, all 1,150 of
    them 5.3 MB, and of 1,700 drum files none deflates better than 53 to 1.

    Attributes:
        entry_bytes: Maximum size of one file.
        total_bytes: Maximum read from all files together, including refused ones.
        entries: Maximum number of entries, in the source's order.
        ratio: Maximum inflated bytes per compressed byte of a ZIP.
        ratio_from_bytes: Size from which `ratio` applies: small files may compress well.

    Raises:
        ParameterError: One of them is below 1.
    """

    entry_bytes: int = 16 << 20
    total_bytes: int = 1 << 30
    entries: int = 200_000
    ratio: int = 200
    ratio_from_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ParameterError(f"limits.{field.name}", "at least 1", value)


@dataclass(frozen=True)
class Entry:
    """A file that a source lists.

    Attributes:
        name: As found, parts separated by `/`; a folder's name ends in one. Bytes that are not
            UTF-8 are lone surrogates, as in Python's own file names.
        chunks: Reads it in blocks of at most `CHUNK_BYTES`; raises an `InputError` if it breaks a
            rule.
        refusal: Why it is not read at all: it is a link, or encrypted.
    """

    name: str
    chunks: Callable[[], Iterator[bytes]]
    refusal: InputError | None = None


class Reader:
    """Reads entries within the limits, and counts the bytes of all of them.

    Args:
        limits: Limits of one entry, and of all together.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.total_bytes = limits, 0

    def read(self, entry: Entry) -> bytes:
        """Read the whole entry.

        Raises:
            InputError: It exceeds a limit, or breaks another rule.
        """
        self._check_total(entry)
        pieces, n_bytes = [], 0
        for piece in entry.chunks():
            n_bytes += len(piece)
            self.total_bytes += len(piece)
            if n_bytes > self.limits.entry_bytes:
                raise too_large(entry.name, n_bytes, self.limits)
            self._check_total(entry)
            pieces.append(piece)
        return b"".join(pieces)

    def _check_total(self, entry: Entry) -> None:
        if self.total_bytes > self.limits.total_bytes:
            detail = f"All files together may hold {self.limits.total_bytes:,} bytes."
            raise InputError(entry.name, "total_bytes", self.total_bytes, detail)


def too_large(name: str, n_bytes: int, limits: Limits) -> InputError:
    """The refusal of an entry that has, or claims to have, `n_bytes`."""
    detail = f"A file may hold {limits.entry_bytes:,} bytes."
    return InputError(name, "entry_bytes", n_bytes, detail)

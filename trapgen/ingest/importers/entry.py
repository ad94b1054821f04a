"""A file in a source before anything of it is believed, and how much of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Final

from trapgen.core import InputError, ParameterError

CHUNK_BYTES: Final = 1 << 16
"""The most that is read, or inflated, before the limits are looked at again."""


@dataclass(frozen=True)
class Limits:
    """What one source may ask for; beyond it, entries are refused by name.

    The defaults leave room for real packs and none for a bomb: Groove's largest file has 156 KB,
    all 1,150 of them 5.3 MB, and of 1,700 drum files none deflates better than 53 to 1.

    Attributes:
        entry_bytes: The most that one file may hold.
        total_bytes: The most that is read from all files together, refused ones included.
        entries: How many entries are looked at, in the source's order.
        ratio: The most bytes that a byte of a ZIP may unfold to.
        ratio_from_bytes: Where `ratio` begins to count: a small file that packs well is no bomb.

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
        name: As found, parts divided by `/`; a folder's ends in one. Bytes that are no UTF-8 stand
            as lone surrogates, as in Python's own file names.
        chunks: Reads it: pieces of at most `CHUNK_BYTES`, and an `InputError` where it breaks a
            rule.
        refusal: Why it is not even read: it is a link, or encrypted.
    """

    name: str
    chunks: Callable[[], Iterator[bytes]]
    refusal: InputError | None = None


class Reader:
    """Reads entries within the limits, and keeps the count of what all of them took.

    Args:
        limits: What one entry, and all together, may take.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.total_bytes = limits, 0

    def read(self, entry: Entry) -> bytes:
        """The whole of an entry.

        Raises:
            InputError: It is over a limit, or breaks another rule on the way.
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
    """The refusal of an entry that has, or says it has, `n_bytes`."""
    detail = f"A file may hold {limits.entry_bytes:,} bytes."
    return InputError(name, "entry_bytes", n_bytes, detail)

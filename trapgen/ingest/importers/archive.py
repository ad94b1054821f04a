"""The members of a ZIP as entries; all of its content is untrusted.

Format: PKWARE's APPNOTE.TXT 6.3.10. Python's `zipfile` is not used, because it rejects the whole
archive if one name is not UTF-8, cuts names at a NUL, and inflates bzip2 and LZMA without a limit;
here only such members are refused. Every header value is checked.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from trapgen.core import InputError, printable
from trapgen.ingest.importers.entry import CHUNK_BYTES, Entry, Limits, too_large
from trapgen.ingest.list_files import is_midi_name

_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT: Final = 0xFFFF
_IN_EXTRA: Final = 0xFFFFFFFF
"""A size or offset with this value is in the ZIP64 extra field."""

_ENCRYPTED: Final = 1 << 0 | 1 << 6 | 1 << 13
_STORED, _DEFLATED = 0, 8
_DAMAGED: Final = "The ZIP is damaged: pack it again."
_REPARSE_POINT: Final = 0x400
"""Windows' attribute of links."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    n_bytes: int
    attributes: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the directory stands, the correction of all offsets, and the number of entries."""

    start: int
    end: int
    shift: int
    n_entries: int


def list_archive(path: Path, file: BinaryIO, limits: Limits) -> list[Entry]:
    """Every member of a ZIP, in the order of its directory.

    The directory has to add up, and the MIDI files in it have to stay within the limits, before
    anything is inflated.

    Args:
        path: The ZIP's name, for messages.
        file: The ZIP, open for as long as the entries are read.
        limits: Limits of inflated sizes.

    Raises:
        InputError: The file is not a ZIP, or its directory is damaged, has too many entries, or
            states sizes beyond a limit.
    """
    try:
        directory = _find_directory(file)
        if directory.n_entries > limits.entries:
            detail = f"A ZIP may have {limits.entries:,} entries."
            raise InputError(path, "entry_count", directory.n_entries, detail)
        members = _read_directory(path, file, directory)
    except (struct.error, ValueError, OverflowError) as error:
        raise InputError(
            path, "not_a_zip", error, "Give a ZIP, a folder or a MIDI file."
        ) from error
    n_bytes = file.seek(0, os.SEEK_END)
    if (packed := sum(member.packed_bytes for member in members)) > n_bytes:
        received = f"entries of {packed:,} bytes in a file of {n_bytes:,}"
        raise InputError(path, "directory", received, _DAMAGED)
    entries = [_as_entry(file, member, limits) for member in members]
    wanted = [
        member
        for member, entry in zip(members, entries, strict=True)
        if is_midi_name(entry.name) and entry.refusal is None
    ]
    _check_sizes(path, wanted, limits)
    return entries


def _check_sizes(path: Path, members: list[_Member], limits: Limits) -> None:
    """Check the sizes that the directory states of all MIDI files together."""
    n_bytes = sum(member.n_bytes for member in members)
    packed = sum(member.packed_bytes for member in members)
    if n_bytes > limits.total_bytes:
        detail = f"All files together may hold {limits.total_bytes:,} bytes."
        raise InputError(path, "total_bytes", n_bytes, detail)
    if _is_bomb(n_bytes, packed, limits):
        detail = f"A byte may inflate to {limits.ratio}."
        raise InputError(path, "ratio", n_bytes // max(packed, 1), detail)


def _is_bomb(n_bytes: int, packed: int, limits: Limits) -> bool:
    return n_bytes > limits.ratio_from_bytes and n_bytes > limits.ratio * packed


def _read_directory(path: Path, file: BinaryIO, directory: _Directory) -> list[_Member]:
    """The entries: as many as are stated, and they fill the directory."""
    file.seek(directory.start)
    members = []
    while file.tell() < directory.end:
        fields = _CENTRAL.unpack(file.read(_CENTRAL.size))
        signature, _, _, flags, method, _, _, crc, packed, size = fields[:10]
        name_bytes, extra_bytes, comment_bytes, _, _, attributes, offset = fields[10:]
        if signature != b"PK\x01\x02":
            raise ValueError("no directory entry where one must be")
        name, extra = file.read(name_bytes), file.read(extra_bytes)
        file.seek(comment_bytes, os.SEEK_CUR)
        size, packed, offset = _widen(extra, size, packed, offset)
        offset += directory.shift
        members.append(_Member(name, flags, method, crc, packed, size, attributes, offset))
        if len(members) > directory.n_entries:
            break
    if len(members) != directory.n_entries or file.tell() != directory.end:
        n_bytes = directory.end - directory.start
        received = f"not the {directory.n_entries} entries in {n_bytes} bytes that it states"
        raise InputError(path, "directory", received, _DAMAGED)
    return members


def _find_directory(file: BinaryIO) -> _Directory:
    n_bytes = file.seek(0, os.SEEK_END)
    tail_at = max(0, n_bytes - _END.size - _MAX_COMMENT)
    file.seek(tail_at)
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    if found < 0:
        raise ValueError("no end of a directory")
    at = tail_at + found
    _, disk, first_disk, here, n_entries, size, offset, _ = _END.unpack_from(tail, found)
    if disk or first_disk or here != n_entries:
        raise ValueError("one part of several")
    end = at
    if at >= _LOCATOR64.size:
        file.seek(at - _LOCATOR64.size)
        signature, _, _, _ = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
        if signature == b"PK\x06\x07":
            end = at - _LOCATOR64.size - _END64.size
            file.seek(max(0, end))
            fields = _END64.unpack(file.read(_END64.size))
            if fields[0] != b"PK\x06\x06":
                raise ValueError("no ZIP64 end of a directory")
            n_entries, size, offset = fields[7:]
    start = end - size
    if start < offset:
        raise ValueError("a directory that does not fit")
    return _Directory(start, end, start - offset, n_entries)


def _widen(extra: bytes, *figures: int) -> list[int]:
    """Values of an entry, with those too large for it from its ZIP64 extra field."""
    at = 0
    while _IN_EXTRA in figures and at + 4 <= len(extra):
        kind, n_bytes = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + n_bytes]
            wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            return [next(wide, value) if value == _IN_EXTRA else value for value in figures]
        at += 4 + n_bytes
    return list(figures)


def _as_entry(file: BinaryIO, member: _Member, limits: Limits) -> Entry:
    # Finder and Info-ZIP write UTF-8 without setting the flag, so the bytes decide.
    name = member.name.decode("utf-8", "surrogateescape")
    refusal = _refusal(printable(name), member, limits)
    return Entry(name, partial(_chunks, file, member, limits), refusal)


def _refusal(name: str, member: _Member, limits: Limits) -> InputError | None:
    mode = member.attributes >> 16
    if stat.S_ISLNK(mode) or member.attributes & _REPARSE_POINT:
        return InputError(name, "symlink", oct(mode), "Links in a ZIP are not followed.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return InputError(name, "not_a_file", oct(mode), "Only plain files are copied.")
    if member.flags & _ENCRYPTED:
        return InputError(name, "encrypted", "a password", "Pack it again without a password.")
    if member.method not in (_STORED, _DEFLATED):
        return InputError(
            name, "compression", f"method {member.method}", "Pack it again with plain deflate."
        )
    if is_midi_name(name) and member.n_bytes > limits.entry_bytes:
        return too_large(name, member.n_bytes, limits)
    if is_midi_name(name) and _is_bomb(member.n_bytes, member.packed_bytes, limits):
        received = member.n_bytes // max(member.packed_bytes, 1)
        return InputError(name, "ratio", received, f"A byte may inflate to {limits.ratio}.")
    return None


def _chunks(file: BinaryIO, member: _Member, limits: Limits) -> Iterator[bytes]:
    name = printable(member.name.decode("utf-8", "surrogateescape"))
    n_bytes = crc = 0
    try:
        _seek_data(file, member)
        for piece, taken in _unpack(file, member):
            n_bytes += len(piece)
            crc = zlib.crc32(piece, crc)
            if _is_bomb(n_bytes, taken, limits):
                detail = f"A byte may inflate to {limits.ratio}."
                raise InputError(name, "ratio", n_bytes // max(taken, 1), detail)
            if n_bytes > member.n_bytes:
                break
            yield piece
    except (struct.error, ValueError, OverflowError, zlib.error) as error:
        raise InputError(name, "damaged", error, "Pack it again.") from error
    if n_bytes != member.n_bytes:
        detail = f"Its header states {member.n_bytes} bytes; reading stops there."
        raise InputError(name, "size_mismatch", n_bytes, detail)
    if crc != member.crc:
        raise InputError(name, "checksum", f"{crc:08x}", f"Its header states {member.crc:08x}.")


def _seek_data(file: BinaryIO, member: _Member) -> None:
    file.seek(member.offset)
    signature, *_, name_bytes, extra_bytes = _LOCAL.unpack(file.read(_LOCAL.size))
    if signature != b"PK\x03\x04" or file.read(name_bytes) != member.name:
        raise ValueError("two headers that differ")
    file.seek(extra_bytes, os.SEEK_CUR)


def _unpack(file: BinaryIO, member: _Member) -> Iterator[tuple[bytes, int]]:
    """Blocks of at most `CHUNK_BYTES`, each with the number of compressed bytes read so far."""
    left = member.packed_bytes
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = b""
    while True:
        if not packed:
            # At the end of the ZIP a read returns nothing, whatever size the header states.
            packed = file.read(min(CHUNK_BYTES, left))
            left -= len(packed)
        if member.method == _STORED:
            piece, packed = packed, b""
        else:
            piece = inflater.decompress(packed, CHUNK_BYTES)
            packed = inflater.unconsumed_tail
        if piece:
            yield piece, member.packed_bytes - left - len(packed)
        if inflater.eof or not (piece or packed):
            return

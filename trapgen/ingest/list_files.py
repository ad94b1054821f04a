"""The files of a folder: each is to be read, refused with a reason, or counted as none of ours.

The name of a file and its type in the file system decide; pipes and devices are
never opened.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from trapgen.core import InputError, MidiError
from trapgen.midi import MAX_MIDI_BYTES

MIDI_SUFFIXES: Final = frozenset({".mid", ".midi", ".rmi", ".kar", ".smf"})
"""Endings of MIDI files, in lower case."""


@dataclass(slots=True)
class Listing:
    """What a folder holds.

    Attributes:
        midi: Plain files with an ending of MIDI, sorted.
        others: Plain files with other endings, sorted.
        refused: Files and folders that cannot be read, and files that hold MIDI by another ending,
            with the reason, sorted.
        followed: Links in the folder that lead to folders outside.
        special: Pipes and devices, whatever their endings.
    """

    midi: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    refused: list[MidiError] = field(default_factory=list)
    followed: list[Path] = field(default_factory=list)
    special: list[Path] = field(default_factory=list)

    @property
    def left_out(self) -> Mapping[str, int]:
        """Number of other files by ending (see `name_kind`); `special` counts pipes and devices."""
        refused = {error.path for error in self.refused}
        left = Counter(name_kind(path) for path in self.others if path not in refused)
        left["special"] = len(set(self.special) - refused)
        return {kind: n for kind, n in sorted(left.items()) if n}


def is_midi_name(name: str) -> bool:
    """Whether a file name has an ending of MIDI.

    Examples:
        >>> is_midi_name("Kick_01.MID"), is_midi_name("kick.wav")
        (True, False)
    """
    return PurePath(name).suffix.lower() in MIDI_SUFFIXES


def name_kind(path: PurePath) -> str:
    """A file's ending in lower case, `none`, or `hidden`: what left-out files are counted by."""
    return "hidden" if path.name.startswith(".") else path.suffix.lower() or "none"


def list_files(source: Path) -> Listing:
    """List a folder, recursively, or a single file.

    A link to a file counts as that file. A link to a folder outside is followed once; one to a
    folder that is read anyway is refused, so that rings end.

    Args:
        source: The folder or file.

    Raises:
        InputError: There is nothing at `source`, it cannot be read, or it is a pipe or a device.
    """
    try:
        mode = source.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(source, "missing", "no such file or folder", "Check the path.") from error
    listing = Listing()
    if stat.S_ISREG(mode):
        listing.midi.append(source)
    elif stat.S_ISDIR(mode):
        _Walk(source, listing).run()
        for paths in (listing.midi, listing.others):
            paths.sort()
        listing.refused.sort(key=lambda error: error.path)
    else:
        raise InputError(source, "not_a_file", "a pipe or device", "Name a file or folder.")
    return listing


def find_midi(source: Path) -> list[Path]:
    """Every MIDI file in a folder, recursively and sorted; or the file itself.

    Raises:
        InputError: There is nothing at `source`.
    """
    return list_files(source).midi


class _Walk:
    """A walk through a folder, without recursion: folders may be nested deeply."""

    def __init__(self, source: Path, listing: Listing) -> None:
        self._source, self._found = source, listing
        self._root = Path(os.path.realpath(source))
        self._followed: set[Path] = set()

    def run(self) -> None:
        folders = [self._source]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries)
            except OSError as error:
                if folder == self._source:
                    detail = "Check its permissions."
                    raise InputError(folder, "unreadable", error.strerror, detail) from error
                self._refuse(folder, "unreadable", error.strerror, "Check its permissions.")
                continue
            folders += [path for name in names if self._take(path := folder / name)]

    def _take(self, path: Path) -> bool:
        """Sort a path in; true for a folder to be walked through."""
        try:
            found = path.stat()
        except OSError as error:
            rule = "broken_link" if path.is_symlink() else "unreadable"
            self._refuse(path, rule, error.strerror, "Check it, or delete it.")
            return False
        if stat.S_ISDIR(found.st_mode):
            return not path.is_symlink() or self._follow(path)
        is_midi = is_midi_name(path.name)
        if not stat.S_ISREG(found.st_mode):
            self._found.special.append(path)
            if is_midi:
                self._refuse(path, "not_a_file", "a pipe or device", "Only plain files are read.")
        elif not is_midi:
            self._found.others.append(path)
            if not path.name.startswith(".") and _holds_midi(path):
                received = path.suffix or "no ending"
                self._refuse(path, "ending", received, "It holds MIDI: rename it to end in .mid.")
        elif path.name.startswith("."):
            self._refuse(path, "hidden", path.name, "Rename it: the name begins with a dot.")
        elif found.st_size > MAX_MIDI_BYTES:
            detail = f"At most {MAX_MIDI_BYTES:,} bytes are read."
            self._refuse(path, "file_size", f"{found.st_size:,} bytes", detail)
        else:
            self._found.midi.append(path)
        return False

    def _follow(self, path: Path) -> bool:
        target = Path(os.path.realpath(path))
        known = self._followed | {self._root}
        if any(target.is_relative_to(each) or each.is_relative_to(target) for each in known):
            detail = "The folder that it leads to is read already, or holds this one."
            self._refuse(path, "link", path.readlink(), detail)
            return False
        self._followed.add(target)
        self._found.followed.append(path)
        return True

    def _refuse(self, path: Path, rule: str, received: object, detail: str) -> None:
        self._found.refused.append(MidiError(path, rule, received, detail))


def _holds_midi(path: Path) -> bool:
    """Whether a plain file begins as a MIDI file does."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:] == b"RMID")

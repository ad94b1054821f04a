"""File names that are portable, distinct on every system, and stay within their folder."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from trapgen.core import InputError, printable

MAX_PART_BYTES: Final = 255
"""Maximum bytes of one part of a name, in UTF-8: the limit of ext4, APFS and NTFS."""

MAX_NAME_BYTES: Final = 1024
"""Maximum bytes of a whole name: macOS's PATH_MAX."""

_DRIVE = re.compile(r"[A-Za-z]:")
# Windows opens the device whatever extension follows, and reads superscripts as digits:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)


def check_name(name: str) -> None:
    """Check an untrusted name against the rules for names.

    Args:
        name: As found, lone surrogates for bytes that are not UTF-8; a folder's ends in `/`.

    Raises:
        InputError: `not_utf8`, `control_character`, `absolute_path`, `path_traversal`,
            `backslash`, `empty_part`, `device_name` or `name_length`.
    """
    parts = name.removesuffix("/").split("/")
    kinds = {unicodedata.category(character) for character in name}
    rule = detail = ""
    if "Cs" in kinds:
        rule, detail = "not_utf8", "Rename it: the name is not UTF-8."
    elif "Cc" in kinds:
        rule, detail = "control_character", "Rename it: the name has control characters."
    elif name.startswith(("/", "\\")) or _DRIVE.match(name):
        rule, detail = "absolute_path", "A name must be relative to the pack."
    elif ".." in re.split(r"[/\\]", name):
        rule, detail = "path_traversal", "A name must stay in the pack."
    elif "\\" in name:
        rule, detail = "backslash", "Folders are separated by /; rename it or pack it again."
    elif not all(part.rstrip(" .") for part in parts):
        rule, detail = (
            "empty_part",
            "Rename it: a part of the name is empty, or only dots and spaces.",
        )
    elif any(_DEVICE.fullmatch(part.split(".")[0].rstrip(" ")) for part in parts):
        rule, detail = "device_name", "Rename it: Windows reserves that name for a device."
    elif max(len(part.encode()) for part in parts) > MAX_PART_BYTES or (
        len(name.encode()) > MAX_NAME_BYTES
    ):
        rule, detail = "name_length", f"A part may have {MAX_PART_BYTES} bytes."
    if rule:
        raise InputError(printable(name), rule, printable(name), detail)


def clash_key(name: str) -> str:
    """Key that is equal for names that some file system treats as one.

    Canonical caseless matching (The Unicode Standard, D145): names that differ in case, or in how
    accents are composed, are equal. Spaces and dots at the end of a part are dropped, as on
    Windows.
    """
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return "/".join(part.rstrip(" .") for part in folded.split("/"))


def find_clashes(names: Iterable[str], reserved: Iterable[str]) -> dict[str, InputError]:
    """Names that cannot all be files of one folder.

    Every name of a clash is refused, since the intended one is unknown.

    Args:
        names: Relative names that passed `check_name`, one per entry; a name may repeat.
        reserved: Other files of the folder.

    Returns:
        Name to refusal: `duplicate_name` for one name given twice, `name_clash` for two that some
        file system treats as one, or for a file where another name needs a folder.
    """
    names = list(names)
    times = Counter(names)
    keys = {name: clash_key(name) for name in times}
    taken = Counter(keys.values())
    taken.update(map(clash_key, reserved))
    folders = {key: [str(up) for up in PurePosixPath(key).parents][:-1] for key in keys.values()}
    needed = {folder for above in folders.values() for folder in above}
    refusals = {}
    for name, key in keys.items():
        if times[name] > 1:
            detail = "Two entries have this name; neither is copied."
            refusals[name] = InputError(name, "duplicate_name", times[name], detail)
        elif taken[key] > 1 or key in needed or any(folder in taken for folder in folders[key]):
            detail = "Another name is the same file on some systems; none of them is copied."
            refusals[name] = InputError(name, "name_clash", key, detail)
    return refusals

"""The raw corpus: the starter packs and the user's packs, copied byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from trapgen.core import REJECTS, InputError, check_input, make_table, replacing, write_table
from trapgen.ingest.keymap.settled import SETTLED, read_settled, write_settled
from trapgen.ingest.list_files import Listing, list_files
from trapgen.ingest.standardize.chunks import REJECTS_NAME, describe_refusal
from trapgen.ingest.starter.packs import write_packs

_BESIDE: Final = frozenset({"pack.csv", SETTLED, "ATTRIBUTION.md"})
"""Files in a pack that describe it, copied along."""

LOOSE: Final = "unsorted"
"""Pack of files that are in no folder of their own."""


def gather_packs(packs: Path, out: Path, *, starter: bool = True) -> int:
    """Copy every MIDI file under `packs` to `out`, one folder per pack, and the starter corpus.

    What cannot be copied is listed in `rejects.csv`; without such a file there is none.

    Args:
        packs: The user's packs: folders of MIDI files, or single files, which go to `unsorted`.
            Answers in its `keymaps.csv` are taken along. It may be missing.
        out: Folder of the raw corpus.
        starter: Whether to include the starter corpus.

    Returns:
        The number of files.

    Raises:
        InputError: Two packs have the same file, or there is no file.
        TableError: The `keymaps.csv` of `packs` is malformed.
    """
    n_files = len(write_packs(out)) if starter else 0
    listing = list_files(packs) if packs.is_dir() else Listing()
    for path in listing.midi:
        relative = path.relative_to(packs)
        target = out / (relative if len(relative.parts) > 1 else Path(LOOSE, relative))
        if target.exists():
            raise InputError(
                path, "name_clash", target.relative_to(out), "Rename the pack: that one is taken."
            )
        _copy(path, target)
        n_files += 1
    if answers := read_settled(packs):
        moved = {path if "/" in path else f"{LOOSE}/{path}": answers[path] for path in answers}
        write_settled(out, moved)
    for path in listing.others:
        if path.name in _BESIDE and path.parent != packs:
            _copy(path, out / path.relative_to(packs))
    if listing.refused:
        rows = [describe_refusal(error, packs) for error in listing.refused]
        write_table(out / REJECTS_NAME, make_table(rows, REJECTS), REJECTS)
    if not n_files:
        raise InputError(packs, "no_midi", "no MIDI file", "Add a pack, or the starter's.")
    return n_files


def _copy(path: Path, target: Path) -> None:
    check_input(path)
    with replacing(target) as temporary:
        shutil.copyfile(path, temporary)

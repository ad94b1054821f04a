"""The raw corpus: the starter packs and the user's packs, copied byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from trapgen.core import InputError, replacing
from trapgen.ingest.keymap.settled import SETTLED, read_settled, write_settled
from trapgen.ingest.standardize.folder import find_midi
from trapgen.ingest.starter.packs import write_packs

_BESIDE: Final = frozenset({"pack.csv", SETTLED, "ATTRIBUTION.md"})
"""Files in a pack that describe it, copied along."""

LOOSE: Final = "unsorted"
"""Pack of files that are in no folder of their own."""


def gather_packs(packs: Path, out: Path, *, starter: bool = True) -> int:
    """Copy every MIDI file under `packs` to `out`, one folder per pack, and the starter corpus.

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
    for path in find_midi(packs) if packs.is_dir() else []:
        relative = path.relative_to(packs)
        target = out / (relative if len(relative.parts) > 1 else Path(LOOSE, relative))
        if target.exists():
            raise InputError(
                path, "name_clash", target.relative_to(out), "Rename the pack: that one is taken."
            )
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)
        n_files += 1
    if answers := read_settled(packs):
        moved = {path if "/" in path else f"{LOOSE}/{path}": answers[path] for path in answers}
        write_settled(out, moved)
    for path in sorted(packs.rglob("*")) if packs.is_dir() else []:
        if path.name in _BESIDE and path.parent != packs:
            with replacing(out / path.relative_to(packs)) as temporary:
                shutil.copyfile(path, temporary)
    if not n_files:
        raise InputError(packs, "no_midi", "no .mid or .midi file", "Add a pack, or the starter's.")
    return n_files

"""Output files of a run: never among its input files, nor over files of other runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trapgen.core.errors import InputError
from trapgen.core.store import make_folder, name_part


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files of one run that are moved into a folder together, or not at all.

    Attributes:
        folder: Output folder, created if missing.
        names: The files and folders in it that the run writes.
        sources: The files and folders that the run reads.
        overwrite: Whether existing files with other bytes may be replaced.

    Raises:
        InputError: An output is in a source, or contains one; `overwrite` does not allow this.
    """

    folder: Path
    names: tuple[str, ...]
    sources: tuple[Path, ...]
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in self.names:
            self._check_apart(self.folder / name)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Yield an empty folder, whose content moves into `folder` if the block succeeds.

        Raises:
            InputError: A file exists and may not be replaced, or the folder cannot be written.
                Nothing is changed then.
        """
        missing = [path for path in (self.folder, *self.folder.parents) if not _identify(path)]
        make_folder(self.folder)
        try:
            staged = self.folder / name_part()
            staged.mkdir()
        except OSError as error:
            detail = "Name a folder that can be written."
            raise InputError(self.folder, "no_folder", error.strerror, detail) from error
        try:
            yield staged
            # All moves are checked before the first.
            for made, place in list(self._plan_moves(staged, self.folder)):
                shutil.move(made, place)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            with suppress(OSError):  # a folder with content stays
                for path in missing:
                    path.rmdir()

    def _plan_moves(self, staged: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
        """The moves: whole folders if none of the name exists."""
        for made in sorted(staged.iterdir()):
            place = folder / made.name
            if not os.path.lexists(place):
                yield made, place
            elif made.is_dir() and place.is_dir():
                self._check_apart(place)  # it may be a link
                yield from self._plan_moves(made, place)
            elif made.is_dir() or place.is_dir():
                received = "a folder" if place.is_dir() else "a file"
                raise InputError(place, "in_the_way", received, "Name another folder.")
            elif not place.exists() or made.read_bytes() != place.read_bytes():
                if not self.overwrite:
                    detail = "Name another place, or allow it to be replaced with --overwrite."
                    raise InputError(place, "exists", "another file of this name", detail)
                yield made, place

    def _check_apart(self, place: Path) -> None:
        for source in self.sources:
            if _identify(source) in _identify_above(place) or (
                _identify(place) in _identify_above(source)
            ):
                detail = "Name a place apart from it."
                raise InputError(place, "among_sources", f"{source}, which is read", detail)


def _identify(path: Path) -> tuple[int, int] | None:
    """Identity of the file at a path, however the path is written; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _identify_above(path: Path) -> set[tuple[int, int]]:
    """Identities of a path, with links and `..` resolved, and of the folders above it."""
    real = Path(os.path.realpath(path))
    return {found for each in (real, *real.parents) if (found := _identify(each))}

"""Output files of a run: never among its input files, nor over files of other runs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trapgen.core.errors import InputError, WriteError
from trapgen.core.store import find_writer, flush, flush_all, make_folder, name_part, remove

if sys.platform != "win32":
    import fcntl

WAIT_S: Final = 60.0
"""How long a run waits for a folder that another one writes."""

_WHOLE, _REPLACE = ".whole", ".replace"
"""Endings of a staged folder that is complete, without and with leave to replace files."""


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
            InputError: A file exists and may not be replaced, the folder cannot be written, or
                another run is writing it. Nothing is changed then.
        """
        with self.hold() as stage, stage() as staged:
            yield staged

    @contextmanager
    def hold(self) -> Iterator[Callable[[], AbstractContextManager[Path]]]:
        """Hold the folder for a run that moves files into it several times.

        Yields what `staging` is for a run that does it once.

        Raises:
            InputError: The folder cannot be written, or another run is writing it.
        """
        with hold_folder(self.folder) as left:
            for staged in left:
                self._finish(staged)
            yield self._stage

    @contextmanager
    def _stage(self) -> Iterator[Path]:
        staged = self.folder / name_part()
        whole = Path(f"{staged}{_REPLACE if self.overwrite else _WHOLE}")
        try:
            staged.mkdir()
            yield staged
            # All moves are checked before the first.
            moves = list(self._plan_moves(staged, self.folder, self._find_linked()))
            flush_all(staged)
            # From here on a kill leaves files that the next run moves.
            staged.rename(whole)
            for made, place in moves:
                shutil.move(whole / made.relative_to(staged), place)
            for folder in {place.parent for _, place in moves}:
                flush(folder)
        except WriteError as error:
            if not error.path.is_relative_to(staged):
                raise
            place = self.folder / error.path.relative_to(staged)
            raise WriteError(place, error.error) from error
        except OSError as error:
            raise WriteError(self.folder, error) from error
        finally:
            for path in (staged, whole):
                remove(path)

    def _finish(self, staged: Path) -> None:
        """Move what a killed run had completed, and delete the rest that it left."""
        if staged.suffix in (_WHOLE, _REPLACE) and staged.is_dir():
            run = Outputs(self.folder, (), self.sources, staged.suffix == _REPLACE)
            with suppress(InputError):
                for made, place in list(run._plan_moves(staged, self.folder, run._find_linked())):
                    shutil.move(made, place)
        remove(staged)

    def _plan_moves(
        self, staged: Path, folder: Path, linked: frozenset[tuple[int, int]]
    ) -> Iterator[tuple[Path, Path]]:
        """The moves: whole folders if none of the name exists.

        Args:
            staged: What was made.
            folder: Where it goes.
            linked: Identities of what links among the sources lead to.
        """
        for made in sorted(staged.iterdir()):
            place = folder / made.name
            if not os.path.lexists(place):
                yield made, place
            elif made.is_dir() and place.is_dir():
                self._check_apart(place)  # it may be a link
                yield from self._plan_moves(made, place, linked)
            elif made.is_dir() or place.is_dir():
                received = "a folder" if place.is_dir() else "a file"
                raise InputError(place, "in_the_way", received, "Name another folder.")
            elif not place.exists() or made.read_bytes() != place.read_bytes():
                if not self.overwrite:
                    detail = "Name another place, or replace it with --overwrite."
                    raise InputError(place, "exists", "another file of this name", detail)
                self._check_apart(place)
                if linked & _identify_above(place):
                    raise _refuse_source(place, "a file that a link in what is read leads to")
                yield made, place

    def _check_apart(self, place: Path) -> None:
        for source in self.sources:
            if _identify(source) in _identify_above(place) or (
                _identify(place) in _identify_above(source)
            ):
                raise _refuse_source(place, f"{source}, which is read")

    def _find_linked(self) -> frozenset[tuple[int, int]]:
        """What links among the sources lead to, if files may be replaced at all."""
        if not self.overwrite:
            return frozenset()
        inside = (path for source in self.sources for path in source.rglob("*"))
        return frozenset(
            found for path in inside if path.is_symlink() and (found := _identify(path))
        )


def _refuse_source(place: Path, received: str) -> InputError:
    return InputError(place, "among_sources", received, "Name a place apart from it.")


@contextmanager
def hold_folder(folder: Path, wait_s: float = WAIT_S) -> Iterator[list[Path]]:
    """Hold a folder, so that one run at a time writes into it.

    A missing folder is created, and removed again if nothing is written into it.

    The operating system releases a folder whose holder is killed. Where it cannot lock folders, as
    on Windows, nothing is held.

    Args:
        folder: The folder.
        wait_s: How long to wait, in seconds, if another run holds it.

    Yields:
        The temporary files and folders that killed runs left in it.

    Raises:
        InputError: The folder cannot be written, or another run held it all that time.
    """
    missing = [path for path in (folder, *folder.parents) if not _identify(path)]
    lock = _lock(folder, wait_s)
    left = [] if lock is None else sorted(folder.glob(".part-*"))
    try:
        yield [path for path in left if find_writer(path.name)]
    finally:
        with suppress(OSError):  # a folder with content stays
            for path in missing:
                path.rmdir()
        if lock is not None:
            _unlock(lock)


def _lock(folder: Path, wait_s: float) -> int | None:
    """An open handle of a folder, locked; None where the operating system cannot do that."""
    if sys.platform == "win32":
        make_folder(folder)
        return None
    end, is_said = time.monotonic() + wait_s, False
    while True:
        make_folder(folder)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise WriteError(folder, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
        except OSError:  # as on some network file systems
            os.close(handle)
            return None
        else:
            # The run before may have removed the folder that it had made.
            found = os.fstat(handle)
            if _identify(folder) == (found.st_dev, found.st_ino):
                return handle
            os.close(handle)
            continue
        if time.monotonic() >= end:
            detail = "Try again when that run has ended, or name another folder."
            raise InputError(folder, "in_use", "another run that writes there", detail)
        if not is_said:
            print(f"waiting up to {wait_s:g} s: another run writes {folder}", file=sys.stderr)
            is_said = True
        time.sleep(0.05)


def _unlock(handle: int) -> None:
    if sys.platform != "win32":
        # Closing alone would not do: a worker may have a copy of the handle.
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _identify(path: Path) -> tuple[int, int] | None:
    """Identity of the file at a path, however the path is written; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _identify_above(path: Path) -> set[tuple[int, int]]:
    """Identities of a path, and of the folders above it and above what it links to."""
    real, beside = (Path(os.path.realpath(each)) for each in (path, path.parent))
    above = (real, *real.parents, beside, *beside.parents)
    return {found for each in above if (found := _identify(each))}

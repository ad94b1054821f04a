"""What a kill or a full disk within one of DVC's writes leaves behind: recognized and mended.

DVC writes `dvc.lock` and `.dvc/tmp/rwlock` in place: a process killed in that moment leaves nothing
or half a file, and every later command refuses. Flows keep a copy of `dvc.lock` as they last wrote
it, and mend both before they start; `make repair` does it by hand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.lock import make_lock
from dvc.repo import Repo, lock_repo
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK
from dvc.rwlock import SCHEMA as RWLOCK_SCHEMA
from voluptuous import Invalid

from tasks.stage import hold_checkout
from trapgen.core import TrapgenError, replacing

LOCK_FILE: Final = "dvc.lock"

_COPY: Final = "dvc.lock.copy"
_BROKEN: Final = "dvc.lock.broken"


def keep_copy(repo: Repo) -> None:
    """Copy `dvc.lock` to where `repair` looks for it."""
    with replacing(Path(repo.tmp_dir, _COPY)) as temporary:
        shutil.copyfile(Path(repo.root_dir, LOCK_FILE), temporary)


def repair(root: Path) -> list[str]:
    """Mend DVC's files in a checkout that no other process of ours writes.

    An unreadable `rwlock` is removed. An unreadable `dvc.lock` goes to `.dvc/tmp/`, and the flows'
    copy of it takes its place, or else git's last version, or none: then each stage is looked up in
    DVC's run cache. A `dvc.lock` with marks of a merge is left to the user.

    Returns:
        What was mended, one sentence each.
    """
    with Repo(str(root), _wait_for_lock=True) as repo:
        return [*_mend_rwlock(repo), *_mend_lock_file(repo)]


def find_damage(root: Path) -> list[str]:
    """What of DVC's files in a checkout is unreadable, one sentence each; nothing is changed."""
    with Repo(str(root), _wait_for_lock=True) as repo:
        rwlock, lock = Path(repo.tmp_dir, RWLOCK_FILE), Path(root, LOCK_FILE)
        broken = [
            path.relative_to(root)
            for path, is_whole in (
                (rwlock, _is_rwlock(rwlock)),
                (lock, _is_lock_file(repo, lock) or _is_in_merge(lock)),
            )
            if not is_whole
        ]
    return [
        f"{path} is unreadable ({(root / path).stat().st_size} bytes), as a kill or a full disk in "
        "one of DVC's writes leaves it: run `make repair`"
        for path in broken
    ]


def _mend_rwlock(repo: Repo) -> Iterator[str]:
    path = Path(repo.tmp_dir, RWLOCK_FILE)
    if _is_rwlock(path):
        return
    guard = make_lock(str(path.with_name(RWLOCK_LOCK)), tmp_dir=repo.tmp_dir, wait=True)
    with guard:
        if not _is_rwlock(path):  # it was not just being written
            path.unlink(missing_ok=True)
            yield f"removed .dvc/tmp/{RWLOCK_FILE}, which a killed process had left unreadable"


def _is_rwlock(path: Path) -> bool:
    try:
        RWLOCK_SCHEMA(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return True
    except (ValueError, Invalid):
        return False
    return True


def _mend_lock_file(repo: Repo) -> Iterator[str]:
    path, folder = Path(repo.root_dir, LOCK_FILE), Path(repo.tmp_dir)
    # Under DVC's lock, nobody is writing the file.
    with lock_repo(repo):
        if _is_lock_file(repo, path) or _is_in_merge(path):
            return
        shutil.move(path, folder / _BROKEN)
        became = _restore(repo, path)
        yield f"{LOCK_FILE} was unreadable; {became} (.dvc/tmp/{_BROKEN} keeps it)"


def _restore(repo: Repo, path: Path) -> str:
    for name, content in _find_versions(repo):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        if _is_lock_file(repo, path):
            return f"{name} has taken its place"
    path.unlink(missing_ok=True)
    return "there was no other version, and DVC's run cache says what is known"


def _find_versions(repo: Repo) -> Iterator[tuple[str, bytes]]:
    copy = Path(repo.tmp_dir, _COPY)
    if copy.is_file():
        yield "the copy that flows keep", copy.read_bytes()
    command = ["git", "show", f"HEAD:./{LOCK_FILE}"]
    shown = subprocess.run(command, cwd=repo.root_dir, capture_output=True, check=False)
    if shown.returncode == 0:
        yield "git's last version", shown.stdout


def _is_in_merge(path: Path) -> bool:
    return b"<<<<<<<" in path.read_bytes()


def _is_lock_file(repo: Repo, path: Path) -> bool:
    try:
        Lockfile(repo, str(path)).load()
    except (DvcException, UnicodeDecodeError):
        return False
    return True


def main(arguments: list[str]) -> int:
    """Mend the checkout in the current folder; with `--check`, only say what is damaged."""
    root = Path.cwd()
    try:
        if arguments == ["--check"]:
            for sentence in find_damage(root):
                print(f"error: {sentence}", file=sys.stderr)
            return 0
        if arguments:
            print("usage: python -m flows.repair [--check]", file=sys.stderr)
            return 2
        with hold_checkout(root, "python -m flows.repair"):
            mended = repair(root)
    except TrapgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(*(mended or ["nothing to mend"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

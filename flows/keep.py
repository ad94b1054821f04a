"""Pointers to what a rebuild made: committed to git, and the files sent to the DVC remote.

`dvc.lock` is the only pointer to the files of a run in DVC's cache. A rebuild that is not committed
is lost with the next one.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dvc.repo import Repo
from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.reasons import RETRIES, fail_with_reason
from flows.repair import LOCK_FILE
from tasks.places import PACKS, SPLIT
from trapgen.core import InputError

POINTERS: Final = (
    LOCK_FILE,
    (SPLIT / "assigned.csv").as_posix(),
    f":(glob){PACKS.as_posix()}/*.dvc",
    # DVC's list of the packs that git leaves to it.
    (PACKS / ".gitignore").as_posix(),
)
"""What is committed, as git's path specifications."""


@task(task_run_name="commit", cache_policy=NO_CACHE, log_prints=True)
@fail_with_reason
def commit_pointers(root: Path, subject: str, reasons: Iterable[str] = ()) -> str:
    """Commit what changed among `POINTERS`, and nothing else, whatever else is staged.

    Args:
        root: The checkout.
        subject: First line of the message.
        reasons: Lines of its body.

    Returns:
        The commit; empty if nothing has changed or the checkout is no git repository.

    Raises:
        InputError: git refuses, for example in the middle of a merge.
    """
    if not (root / ".git").exists():
        print("nothing committed: no git repository")
        return ""
    changed = _list_changes(root)
    if not changed:
        return ""
    message = "\n".join([subject, "", *reasons]).strip()
    _git(root, "add", "--", *changed)
    # No hooks, signature or editor: nobody is there to answer.
    quiet = ("--quiet", "--no-verify", "--no-gpg-sign", "--message", message)
    _git(root, *_find_author(root), "commit", *quiet, "--only", "--", *changed)
    commit = _git(root, "rev-parse", "--short", "HEAD").strip()
    print(f"committed {', '.join(changed)} as {commit}")
    return commit


@task(task_run_name="push", cache_policy=NO_CACHE, log_prints=True, **RETRIES)
def push_files(root: Path) -> int:
    """Send what `dvc.lock` and the packs name to the default DVC remote, if there is one.

    Returns:
        The number of files sent.
    """
    with Repo(str(root), _wait_for_lock=True) as repo:
        remote = repo.config["core"].get("remote")
        if remote is None:
            return 0
        sent = int(repo.push())
    print(f"sent {sent} files to the DVC remote {remote!r}")
    return sent


def _list_changes(root: Path) -> list[str]:
    listed = _git(root, "status", "--porcelain", "--no-renames", "-z", "--", *POINTERS)
    return [entry[3:] for entry in listed.split("\0") if entry]


def _find_author(root: Path) -> list[str]:
    """Options that name an author where git knows none."""
    known = subprocess.run(
        ["git", "var", "GIT_COMMITTER_IDENT"], cwd=root, capture_output=True, check=False
    )
    if known.returncode == 0:
        return []
    return ["-c", "user.name=trapgen", "-c", "user.email=trapgen@localhost"]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.quotePath=false", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        advice = "Settle that in git, and run the flow again: the rebuild itself is kept."
        raise InputError(root, "not_committed", done.stderr.strip() or "no reason", advice)
    return done.stdout

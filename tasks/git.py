"""What git says of a checkout; nothing, where it is none or git is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path


def read_commit(root: Path) -> str:
    """The commit's first twelve digits, with `+` where tracked files differ from it.

    A run rewrites `dvc.lock` itself, which therefore does not count.
    """
    commit = run_git(root, "rev-parse", "--short=12", "HEAD")
    tracked = ("status", "--porcelain", "--untracked-files=no")
    return commit + ("+" if commit and run_git(root, *tracked, "--", ":/", ":!/dvc.lock") else "")


def list_changed(root: Path, *paths: str) -> list[str]:
    """The tracked files among `paths` that differ from the commit, relative to `root`."""
    return run_git(root, "diff", "--name-only", "--relative", "HEAD", "--", *paths).splitlines()


def read_committed(root: Path, path: str) -> str:
    """The committed text of a file; empty if there is none."""
    return run_git(root, "show", f"HEAD:./{path}")


def run_git(root: Path, *arguments: str) -> str:
    """What a git command prints; empty if it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

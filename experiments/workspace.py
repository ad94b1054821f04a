"""A copy of the checkout for experiments, which leaves data, parameters and runs untouched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import yaml

from experiments.plan import RECIPE_FILE, Experiment
from experiments.recipe import Recipe
from experiments.stage import RESULTS, read_curve
from trapgen.core import read_json, write_text

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared")) / "data"
"""Folder of real drum MIDI, which is in no repository."""

_PACKS: Final = Path("data/packs")
_TARGETS: Final = ("overlap", "learn")


def make_workspace(folder: Path, root: Path = ROOT) -> None:
    """Copy the checkout in its present state into a new git repository, with the stages added.

    Args:
        folder: New or empty.
        root: The checkout, under git.
    """
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        # Files that are deleted but not committed are listed, too.
        if (root / name).is_file() and not name.startswith("docs/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    added = yaml.safe_load((folder / "experiments/stages.yaml").read_text(encoding="utf-8"))
    pipeline["stages"] |= added["stages"]
    write_text(folder / "dvc.yaml", yaml.safe_dump(pipeline, sort_keys=False))
    write_text(folder / RECIPE_FILE, yaml.safe_dump(asdict(Recipe()), sort_keys=False))
    _git(folder, "init", "--quiet")
    for key, value in (("user.name", "trapgen"), ("user.email", "trapgen@localhost")):
        _git(folder, "config", key, value)
    # A DVC experiment is a commit on top of another; MIDI of third parties must not be committed.
    write_text(folder / ".git/info/exclude", f"/{_PACKS}/*/\n")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "The checkout, and the stages of experiments")


def run_experiment(folder: Path, experiment: Experiment, shared: Path = SHARED) -> dict[str, Any]:
    """Run one experiment, as `dvc exp run --name`.

    Args:
        folder: The workspace.
        experiment: The experiment; its data is in the shared folder.
        shared: That folder.

    Returns:
        `parameters`, the changes and the recipe; `overlap`, the audit's results; `text`, density of
        the training text; `curve`, one row per epoch (see `experiments.study`).

    Raises:
        CalledProcessError: DVC, or a stage, failed.
    """
    # Parameters set for an experiment remain in the workspace after it.
    _git(folder, "checkout", "--quiet", "--force", "HEAD", "--", ".")
    for pack in (folder / _PACKS).iterdir():
        if pack.is_dir():
            shutil.rmtree(pack)
    copy_pack(shared / experiment.data, folder / _PACKS / experiment.data.replace("/", "-"))
    names = ["--force", "--name", experiment.name, *experiment.arguments, *_TARGETS]
    _run(folder, [sys.executable, "-m", "dvc", "exp", "run", *names])
    metrics = read_json(folder / RESULTS / "metrics.json")
    return {
        "parameters": experiment.parameters,
        "overlap": read_json(folder / RESULTS / "overlap.json"),
        "text": metrics["text"],
        "curve": read_curve(folder / RESULTS / "curve.csv"),
    }


def copy_pack(source: Path, target: Path) -> None:
    """Copy the MIDI files of a folder, recursively."""
    for path in sorted(source.rglob("*.mid")):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def _run(folder: Path, command: Sequence[str]) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    quiet = {"DVC_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true"}
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, **quiet, "PATH": path})

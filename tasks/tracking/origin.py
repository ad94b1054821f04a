"""Where a run comes from: its name, and tags that name commit, data, experiment and flow run."""

from __future__ import annotations

import datetime
import importlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from tasks.git import run_git

_STATED: Final = ("dvc.lock", "params.yaml", "data/split/assigned.csv", "*.dvc")
"""Files that differ from the commit without making the code another. DVC writes them before or
while stages run, and their content is in the run, as tags and parameters."""
_VERSION: Final = re.compile(r'^VERSION = "(.+)"$', re.MULTILINE)
_DATA_STAGES: Final = ("corpus", "encode")


def name_run(root: Path) -> str:
    """Name of a run that begins now: `wider, 2026-11-28 14:03`.

    In front, where a narrow column shows it, stands DVC's name of the experiment, else the git
    branch, the commit, or the checkout's folder.
    """
    where = (
        os.environ.get("DVC_EXP_NAME")
        or run_git(root, "symbolic-ref", "--short", "--quiet", "HEAD")
        or run_git(root, "rev-parse", "--short", "HEAD")
        or root.resolve().name
    )
    return f"{where}, {datetime.datetime.now():%Y-%m-%d %H:%M}"


def read_tags(root: Path) -> dict[str, str]:
    """Tags of a run: the commit, DVC's hashes of the data, stage versions, experiment, flow run."""
    return {**_read_commit(root), **_read_data(root), **_read_versions(), **_read_flow_run()}


def _read_commit(root: Path) -> dict[str, str]:
    """The commit, marked if code differs from it; and DVC's experiment."""
    tags = {}
    if experiment := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.experiment"] = experiment
    # In an experiment's copy HEAD is a commit of DVC's own.
    given = os.environ.get("DVC_EXP_BASELINE_REV") or "HEAD"
    if commit := run_git(root, "rev-parse", given):
        left_out = [f":(exclude){pattern}" for pattern in _STATED]
        changed = run_git(root, "diff", "--name-only", commit, "--", ".", *left_out)
        tags["git.commit"] = f"{commit}-dirty" if changed else commit
    return tags


def _read_data(root: Path) -> dict[str, str]:
    """DVC's hashes of the training's inputs."""
    import yaml

    lock = root / "dvc.lock"
    stages = yaml.safe_load(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    return {
        f"dvc.{out['path']}": out.get("md5", "")
        for name, stage in ((stages or {}).get("stages") or {}).items()
        for out in stage.get("outs", ())
        if name in _DATA_STAGES
    }


def _read_versions() -> dict[str, str]:
    """Versions of the stages. Importing them all would take seconds."""
    found = {
        path.stem: _VERSION.search(path.read_text(encoding="utf-8"))
        for path in sorted(Path(__file__).parents[1].glob("*.py"))
    }
    return {f"stage.{name}": version[1] for name, version in found.items() if version}


def _read_flow_run() -> dict[str, str]:
    """The Prefect flow run that this is part of, and its page."""
    number, name = os.environ.get("PREFECT__FLOW_RUN_ID", ""), ""
    if "prefect" in sys.modules:
        # Named as text: Prefect is the flows' business, and this process has it at hand.
        runtime = importlib.import_module("prefect.runtime.flow_run")
        # Outside a flow, Prefect asks its server for the name, which may not answer.
        with suppress(Exception):
            number = runtime.id or number
            name = runtime.name or ""
    found = {"id": number, "name": name, "url": _find_page(number)}
    return {f"prefect.flow_run.{key}": str(value) for key, value in found.items() if value}


def _find_page(flow_run: str) -> str:
    api = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    pages = os.environ.get("PREFECT_UI_URL", "").rstrip("/") or api.removesuffix("/api")
    return f"{pages}/runs/flow-run/{flow_run}" if pages and flow_run else ""

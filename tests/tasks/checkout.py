"""A checkout of its own, with the real stages and parameters small enough for a test."""

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import yaml
from dvc.repo import Repo

from flows import dag
from tasks.__main__ import main
from tasks.stage import load_stage

# Before MLflow sets the variable that this module reads the place of the runs from.
from tasks.tracking import store  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("trapgen", "tasks", "flows", "requirements", "dvc.yaml", "params.yaml", ".dvcignore")
SMALL = {
    "augment": {"train_loops": 48, "validation_loops": 12, "test_loops": 12},
    "audit": {"chance_replicates": 4, "self_test_leaks": 5},
    "train": {
        "layers": 1,
        "units": 16,
        "epochs": 2,
        "batch_size": 16,
        "humanizer_units": 8,
        "humanizer_epochs": 2,
    },
    "sample": {"loops": 2, "bars": 2},
    "evaluate": {"generated_loops": 4, "seeds": 2},
}


def make_checkout(folder: Path) -> Path:
    """Copy the code, shrink the parameters, start DVC without git."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for name in ("packs", "start", "prompts", "outside"):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / "README.md").write_text(f"{name} go here\n")
    change_params(folder, SMALL)
    Repo.init(str(folder), no_scm=True).close()
    return folder


def change_params(folder: Path, changes: dict[str, dict[str, object]]) -> None:
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for section, values in changes.items():
        params[section] |= values
    path.write_text(yaml.safe_dump(params))


def run_stage(folder: Path, name: str) -> int:
    """Do as `python -m tasks NAME` does in the checkout, in this process; the exit code."""
    with _as_a_command(folder):
        return main([name])


@contextmanager
def _as_a_command(folder: Path) -> Iterator[None]:
    with chdir(folder), warnings.catch_warnings():
        # MLflow and Keras cause some; a command does not die of them.
        warnings.simplefilter("ignore")
        yield


def refresh(folder: Path) -> set[str]:
    """Bring all stages up to date as `make flow` does, in this process; those that ran."""
    with dag.open_repo(folder) as repo:
        names = [node.name for node in dag.read_graph(repo)]
    with _as_a_command(folder):
        states = {name: dag.refresh(folder, name, load_stage(name).run)[0] for name in names}
    return {name for name, state in states.items() if state == dag.RAN}


def status(folder: Path) -> dict[str, object]:
    """What `dvc status` says: empty if all is up to date."""
    with Repo(str(folder)) as repo, chdir(folder):
        return repo.status()


def run(folder: Path, module: str, *arguments: str, check: bool = True) -> str:
    """Run `python -m module` in the checkout, which then is first on the path."""
    return run_process(folder, module, *arguments, check=check).stdout


def run_process(
    folder: Path, module: str, *arguments: str, check: bool = False
) -> subprocess.CompletedProcess[str]:
    # Stage commands say `python`: it has to be this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true"}
    # MLflow sets it in this process when a test looks into a checkout's store.
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done

"""Whatever is killed, and when: one more run, at most after `make repair`, ends as without it."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from flows.repair import find_damage
from tasks.stage import HOLDER
from tasks.tracking.store import EXPERIMENT, connect
from tests.pages import random_loop
from tests.tasks.checkout import ROOT, change_params, make_checkout, run_process
from trapgen.core import hash_files
from trapgen.midi import write_loop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    # MLflow's, when a test reads a checkout's store in this process.
    pytest.mark.filterwarnings("ignore"),
]
KILLS = int(os.environ.get("TRAPGEN_KILLS", "7"))
SEED = int(os.environ.get("TRAPGEN_KILLS_SEED", "14"))
STAGES = ("standardize", "audit", "train", "sample")
VERBS = ("import", "generate", "standardize a folder")
OF_A_TIME = re.compile(r"data/(checks|checkpoint)/|\.gitignore$|\.lock|ledger\.csv$|\.mlflow")
"""Files that state when they were written, and those of the machinery."""


@dataclass(frozen=True)
class Work:
    """A command, the checkout that it starts from, and what it leaves if nothing is killed."""

    start: Path
    command: tuple[str, ...]
    has_begun: Callable[[Path], bool]
    seconds: float
    files: dict[str, str]


def start(root: Path, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root), "DVC_NO_ANALYTICS": "true"}
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        environment.pop(name, None)
    with (root / "said.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(root: Path, command: tuple[str, ...]) -> None:
    assert start(root, command).wait(600) == 0, (root / "said.log").read_text()


def read_files(root: Path) -> dict[str, str]:
    """Hashes of what runs made, and the content of `dvc.lock`."""
    paths = [path for name in ("data", "out") for path in (root / name).rglob("*")]
    names = {path.relative_to(root).as_posix(): path for path in paths if path.is_file()}
    made = {name: hash_files(names[name]) for name in sorted(names) if not OF_A_TIME.search(name)}
    return made | {"dvc.lock": repr(yaml.safe_load((root / "dvc.lock").read_text()))}


def measure(snapshot: Path, folder: Path, *command: str) -> Work:
    """Run a command without a kill in a copy of a checkout."""
    root = Path(shutil.copytree(snapshot, folder))
    is_verb = command[0] == "trapgen.cli"
    has_begun = (lambda root: (root / "out").exists()) if is_verb else is_held
    process, begun = start(root, command), None
    while process.poll() is None:
        if begun is None and has_begun(root):
            begun = time.monotonic()
        time.sleep(0.005)
    assert process.returncode == 0, (root / "said.log").read_text()
    seconds = time.monotonic() - (begun or 0)
    return Work(snapshot, command, has_begun, seconds, read_files(root))


def is_held(root: Path) -> bool:
    return (root / HOLDER).exists()


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Work]:
    """The commands, and a checkout just before each: 20 loops, 2 epochs."""
    home = tmp_path_factory.mktemp("kills")
    root, draw = make_checkout(home / "checkout"), np.random.default_rng(14)
    shutil.copy(ROOT / "Makefile", root)
    change_params(root, {"corpus": {"starter": False}, "promote": {"generated_loops": 4}})
    change_params(root, {"audit": {"min_effective_sources": 2.0, "max_overlap": 1.0}})
    for number in range(20):
        loop = random_loop(draw, "own", bars=2, steps_per_bar=32)
        write_loop(root / f"data/packs/Own/own {number:02}.mid", loop)
    found = {}
    snapshot = home / "before-corpus"
    for name in ("corpus", "standardize", "split", "augment", "audit", "encode", "train", "sample"):
        if name in STAGES:
            snapshot = Path(shutil.copytree(root, home / f"before-{name}"))
            found[name] = measure(snapshot, home / f"after-{name}", "dvc", "repro", name)
        finish(root, ("dvc", "repro", name))
    finish(root, ("dvc", "repro"))
    (root / "data/packs/Own/own 20.mid").write_bytes(
        (root / "data/packs/Own/own 00.mid").read_bytes()
    )
    shutil.copytree(root, home / "built")
    for name, command in {
        "import": ("import", "data/packs/Own", "--out", "out"),
        "generate": ("generate", "--loops", "6", "--model", "data/model", "--out", "out"),
        "standardize a folder": ("standardize", "data/packs/Own", "--out", "out"),
    }.items():
        found[name] = measure(home / "built", home / f"after-{name}", "trapgen.cli", *command)
    found["retrain"] = measure(home / "built", home / "after-retrain", "flows.retrain")
    return found


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "checkout"
    shutil.rmtree(tmp_path / "checkout", ignore_errors=True)


def run_and_kill(work: Work, place: Path, share: float) -> Path | None:
    """Run a command and kill it after a share of its time; None if it has ended before."""
    shutil.rmtree(place, ignore_errors=True)
    root = Path(shutil.copytree(work.start, place))
    process = start(root, work.command)
    while process.poll() is None and not work.has_begun(root):
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(share * work.seconds)
    was_running = process.poll() is None
    kill_group(process)
    return root if was_running else None


def draw_kills() -> list[tuple[str, float]]:
    """What is killed, and after which share of its time."""
    draw, names = random.Random(SEED), (*STAGES, *VERBS, "retrain")
    return [(names[number % len(names)], draw.random()) for number in range(KILLS)]


@pytest.mark.parametrize(("name", "share"), draw_kills())
def test_after_a_kill_one_more_run_ends_as_without_it(
    works: dict[str, Work], place: Path, name: str, share: float
) -> None:
    work = works[name]
    # On another day it may be faster than it was measured.
    while not (root := run_and_kill(work, place, share)):
        share /= 2
    damage = find_damage(root)
    if damage:
        assert all("make repair" in sentence for sentence in damage)
        assert run_process(root, "flows.repair").returncode == 0
    finish(root, work.command)
    print(f"{name} at {share:.2f}: {damage or 'whole'}")
    assert read_files(root) == work.files
    left = [path for name in ("data", "out") for path in (root / name).rglob(".part-*")]
    assert left == []


def test_a_child_that_outlives_its_dvc_does_not_train_beside_the_next(
    works: dict[str, Work], place: Path
) -> None:
    work = works["train"]
    root = Path(shutil.copytree(work.start, place))
    process = start(root, work.command)
    while not is_held(root):
        time.sleep(0.01)
    process.kill()  # `dvc` alone
    process.wait()
    finish(root, work.command)
    assert read_files(root) == work.files
    client = connect(root).MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    for run in client.search_runs([experiment.experiment_id]):
        points = client.get_metric_history(run.info.run_id, "training/validation")
        assert [point.step for point in points] == [1, 2]

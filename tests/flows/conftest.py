"""A toy checkout that DVC and the flows share, and one temporary Prefect server for all tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from dvc.repo import Repo
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from flows import ROOT
from tasks.stage import LOCK, Stage
from tests.flows import toy_stages

# The stages stand in no useful order: finding it is DVC's part.
DVC_YAML = """\
stages:
  train:
    cmd: python -m tasks train
    deps: [data/raw, data/audit.json]
    params: [train]
    outs: [data/model]
  draw:
    cmd: python -m tasks draw
    deps: [data/raw]
    params: [draw]
    outs: [data/picture.txt]
  audit:
    cmd: python -m tasks audit
    deps: [data/raw]
    params: [audit]
    metrics: [{data/audit.json: {cache: false}}]
  corpus:
    cmd: python -m tasks corpus
    deps: [packs/pack.txt]
    params: [corpus.files]
    outs: [data/raw]
"""
PARAMS_YAML = """\
corpus: {files: 2}
audit: {limit: 3}
draw: {}
train: {epochs: 1}
"""


class Toy:
    """A checkout with four stages; `draw` is a branch of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new))

    def take_calls(self) -> list[str]:
        """The stages whose bodies ran since this was last asked, in order."""
        calls = self.root / "calls.txt"
        names = calls.read_text().split() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return names

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def reproduce(self) -> None:
        """Do as `dvc repro` does, without its process's start."""
        with Repo(str(self.root)) as repo, chdir(self.root):
            repo.reproduce()

    def status(self) -> dict:
        """What `dvc status` says: empty if all is up to date."""
        with Repo(str(self.root)) as repo, chdir(self.root):
            return repo.status()

    def files(self) -> dict[str, bytes]:
        """Everything that the stages wrote, and `dvc.lock`."""
        paths = [*(self.root / "data").rglob("*"), self.root / "dvc.lock"]
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in paths
            if path.is_file() and path != self.root / LOCK
        }


def _make(root: Path) -> Toy:
    # Flows import from there what is no stage, such as promotion.
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tasks", root / "tasks", ignore=ignore)
    (root / "packs").mkdir()
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "params.yaml").write_text(PARAMS_YAML)
    (root / "packs/pack.txt").write_text("trap")
    shutil.copy(ROOT / ".dvcignore", root)
    shutil.copy(toy_stages.__file__, root / "tasks")
    for name in ("corpus", "audit", "draw", "train"):
        text = f"from tasks.toy_stages import VERSION, {name} as run\n"
        (root / f"tasks/{name}.py").write_text(text)
    with Repo.init(str(root), no_scm=True) as repo:
        repo.add([str(root / "packs/pack.txt")])
    return Toy(root)


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("dvc")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(folder / name))
        # Where a stage's command says `python`, it means this one.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.delenv("PREFECT_API_URL", raising=False)
        yield


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def read_artifact(prefect_server: None) -> Callable[[str], str]:
    """Read the newest artifact of a key, with a client that is closed: `Artifact.get` leaks its."""

    def read(key: str) -> str:
        with get_client(sync_client=True) as client:
            [artifact] = client.read_artifacts(
                artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
                sort=ArtifactSort.UPDATED_DESC,
                limit=1,
            )
        return str(artifact.data)

    return read


@pytest.fixture(scope="session")
def load_toy() -> Callable[[str], Stage]:
    return lambda name: Stage(name, toy_stages.VERSION, getattr(toy_stages, name))


@pytest.fixture(scope="session")
def pristine_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("toy") / "checkout").root


@pytest.fixture(scope="session")
def built_toy(pristine_toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    toy = Toy(Path(shutil.copytree(pristine_toy, tmp_path_factory.mktemp("built") / "checkout")))
    toy.reproduce()
    toy.take_calls()
    return toy.root


@pytest.fixture
def make_toy(pristine_toy: Path, tmp_path: Path) -> Callable[[str], Toy]:
    def make(name: str) -> Toy:
        return Toy(Path(shutil.copytree(pristine_toy, tmp_path / name)))

    return make


@pytest.fixture
def toy(make_toy: Callable[[str], Toy]) -> Toy:
    """A checkout in which nothing has run yet."""
    return make_toy("checkout")


@pytest.fixture
def built(built_toy: Path, tmp_path: Path) -> Toy:
    """A checkout in which `dvc repro` has run."""
    return Toy(Path(shutil.copytree(built_toy, tmp_path / "built")))

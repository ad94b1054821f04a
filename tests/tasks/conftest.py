"""Checkouts on which the pipeline has run."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.checkout import make_checkout, refresh
from trapgen import midi


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("dvc")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(folder / name))
        # MLflow sets it.
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.delenv("MLFLOW_TRACKING_URI")
        yield


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[Path]]:
    folder = make_checkout(tmp_path_factory.mktemp("built"))
    parsed: Counter[Path] = Counter()
    parse = midi.read.parse_strikes

    def count(data: bytes, path: Path | str = "") -> midi.Strikes:
        parsed[Path(path)] += 1
        return parse(data, path)

    with pytest.MonkeyPatch.context() as patch:
        for module in (midi, midi.read):
            patch.setattr(module, "parse_strikes", count)
        refresh(folder)
    return folder, parsed


@pytest.fixture(scope="session")
def built(_built: tuple[Path, Counter[Path]]) -> Path:
    """A checkout on which every stage has run."""
    return _built[0]


@pytest.fixture(scope="session")
def parsed(_built: tuple[Path, Counter[Path]]) -> Counter[Path]:
    """How often each MIDI file was parsed while that checkout was built."""
    return _built[1]


@pytest.fixture
def checkout(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    folder = tmp_path / "checkout"
    shutil.copytree(built, folder, symlinks=True)
    return folder

"""Checkouts on which the pipeline has run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.checkout import make_checkout, refresh


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
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout on which every stage has run."""
    folder = make_checkout(tmp_path_factory.mktemp("built"))
    refresh(folder)
    return folder


@pytest.fixture
def checkout(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    folder = tmp_path / "checkout"
    shutil.copytree(built, folder, symlinks=True)
    return folder

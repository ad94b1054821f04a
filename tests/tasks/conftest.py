"""Checkouts on which the pipeline has run."""

import shutil
from pathlib import Path

import pytest

from tests.tasks.checkout import make_checkout, run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout on which `dvc repro` has run."""
    folder = make_checkout(tmp_path_factory.mktemp("built"))
    run(folder, "dvc", "repro")
    return folder


@pytest.fixture
def checkout(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    folder = tmp_path / "checkout"
    shutil.copytree(built, folder, symlinks=True)
    return folder

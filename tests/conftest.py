"""What every test shares: where the real data lies, and quiet, repeatable tools."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from trapgen.core import DrumLoop, SplitParams, StandardizeParams
from trapgen.dataset import find_components
from trapgen.ingest import read_folder, write_packs

# TensorFlow reads it when it is imported, which a test does later than this file.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The same examples on every run; HYPOTHESIS_PROFILE=explore looks for new ones. No deadline: the
# first call of many functions imports what the others have at hand.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

ROOT = Path(__file__).resolve().parents[1]

# What a test needs that holds one of these fixtures: `make test` leaves it to `make test-all`.
NEEDS = {"prefect_server": "servers", "browser": "browser"}
ORDER = {"tasks": 0, "model": 1, "data": 2, "flows": 4}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, and put the long ones first and the flows last.

    Long ones at the end would run on one worker while the other has nothing left to do. Prefect's
    threads live on and draw random numbers: Hypothesis sees its own draws disturbed by them, and
    calls the test flaky.
    """
    for item in items:
        for fixture in NEEDS.keys() & item.fixturenames:
            item.add_marker(NEEDS[fixture])
    items.sort(key=lambda item: ORDER.get(item.path.parent.name, 3))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real drum MIDI that no repository holds."""
    folder = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(
            f"no real drum MIDI: {folder / 'data'} with groove, metallica and trap-loops is "
            "missing; TRAPGEN_SHARED names its parent folder"
        )
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> list[DrumLoop]:
    """The starter corpus as the pipeline reads it: 32 steps a bar, with its lineage."""
    folder = tmp_path_factory.mktemp("starter")
    write_packs(folder)
    return [found.loop for found in read_folder(folder, StandardizeParams())]


@pytest.fixture(scope="session")
def components(corpus) -> np.ndarray:
    """The groups of related loops in `corpus`; finding them takes a while."""
    return find_components(corpus, SplitParams())

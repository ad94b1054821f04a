"""The run of a model, and what the stage `sample` adds to it: the model itself and its loops."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.places import MODEL
from tasks.serving.package import NAME, lay_out
from tasks.tracking.origin import name_run, read_tags
from tasks.tracking.store import MODEL_TAG, connect, find_run, flatten
from tasks.tracking.training import log_best, log_epoch, log_humanizer
from trapgen.model import Network, hash_model, load_humanizer, load_network
from trapgen.model.training import best_epoch, read_history


def track_samples(root: Path, model: str, folder: Path) -> None:
    """Add a model and a folder of its samples to the run that trained it.

    Args:
        root: The checkout.
        model: The model's hash.
        folder: MIDI, audio, pictures, receipts.
    """
    mlflow = connect(root)
    with mlflow.start_run(run_id=open_run(root, mlflow, model)), copy_visible(folder) as copy:
        mlflow.log_artifacts(str(copy), artifact_path="samples")


def open_run(root: Path, mlflow: Any, model: str, folder: Path | None = None) -> str:
    """Id of the run that trained a model, which holds it; created from its folder if need be.

    Args:
        root: The checkout.
        mlflow: From `connect`.
        model: The model's hash.
        folder: The model's folder; by default `data/model`.
    """
    folder = folder or root / MODEL
    found, network = find_run(mlflow, MODEL_TAG, model), load_network(folder)
    number = (
        _restore_run(root, mlflow, network, folder) if found is None else str(found.info.run_id)
    )
    if found is None or found.outputs is None or not found.outputs.model_outputs:
        with mlflow.start_run(run_id=number), lay_out(folder, network, model) as parts:
            mlflow.pyfunc.log_model(name=NAME, tags={MODEL_TAG: model}, **parts)
    return number


def _restore_run(root: Path, mlflow: Any, network: Network, folder: Path) -> str:
    """Id of a run made from the model's folder."""
    tags = {MODEL_TAG: hash_model(network), "trapgen.restored": "true", **read_tags(root)}
    with mlflow.start_run(run_name=f"{name_run(root)}, restored", tags=tags) as run:
        mlflow.log_params(flatten({"model": dataclasses.asdict(network.spec)}))
        history = read_history(folder / "history.csv")
        for epoch in history:
            log_epoch(mlflow, epoch)
        log_best(mlflow, best_epoch(history))
        log_humanizer(mlflow, load_humanizer(folder))
    return str(run.info.run_id)


@contextmanager
def copy_visible(folder: Path, only: tuple[str, ...] = ()) -> Iterator[Path]:
    """A temporary copy of a folder, or of some of its files, without DVC's `.gitignore`."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy"
        if only:
            copy.mkdir()
            for name in only:
                shutil.copy(folder / name, copy)
        else:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".*"))
        yield copy

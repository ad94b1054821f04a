"""The run of a training."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tasks.places import ENCODED
from tasks.tracking.origin import name_run, read_tags
from tasks.tracking.store import MODEL_TAG, connect, find_run, flatten
from trapgen.core import Params
from trapgen.model import Humanizer, Network, hash_model
from trapgen.model.training import Epoch

TRAINING_TAG: Final = "trapgen.training"
START_TAG: Final = "trapgen.start"
"""Hash of the model that a training began from."""
_PARENT_TAG: Final = "mlflow.parentRunId"
_CURVES: Final = "training/"
"""Group of what changes from epoch to epoch."""


class TrainingRun:
    """The MLflow run of a training; an interrupted run is resumed.

    A store that fails stops no training that has begun: what is missing is said, and the next stage
    makes a run from the model's folder. The model itself is logged by that stage, too.

    Args:
        root: The checkout.
        params: All parameters.
        name: Hash of data and parameters, from `trapgen.model.training.fingerprint`.
        start: The model that training begins from, if any.
    """

    def __init__(self, root: Path, params: Params, name: str, start: Network | None = None) -> None:
        self._root, self._params, self._name = root, params, name
        self._start = "" if start is None else hash_model(start)
        self._logged_epochs = 0
        self._is_broken = False

    def __enter__(self) -> TrainingRun:
        self._mlflow = mlflow = connect(self._root)
        earlier = find_run(mlflow, TRAINING_TAG, self._name)
        if earlier is not None and earlier.info.status != "FINISHED":
            mlflow.start_run(run_id=earlier.info.run_id, log_system_metrics=True)
            history = mlflow.MlflowClient().get_metric_history(
                earlier.info.run_id, f"{_CURVES}validation"
            )
            self._logged_epochs = len(history)
            return self
        tags = {TRAINING_TAG: self._name, **read_tags(self._root), **self._name_start()}
        mlflow.start_run(run_name=name_run(self._root), tags=tags, log_system_metrics=True)
        try:
            mlflow.log_params(flatten(dataclasses.asdict(self._params)))
            _log_datasets(mlflow, self._root)
        except BaseException:
            mlflow.end_run("FAILED")
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        with self._keep_training("its end"):
            self._mlflow.end_run("FAILED" if kind or self._is_broken else "FINISHED")

    def _name_start(self) -> dict[str, str]:
        """Tags that nest the run under that of its start, if the store knows it."""
        if not self._start:
            return {}
        parent = find_run(self._mlflow, MODEL_TAG, self._start)
        nested = {_PARENT_TAG: parent.info.run_id} if parent is not None else {}
        return {START_TAG: self._start, **nested}

    @contextmanager
    def _keep_training(self, what: str) -> Iterator[None]:
        try:
            yield
        # Whatever a store, a server or a full disk raises: a trained model is worth more.
        except Exception as error:
            self._is_broken = True
            print(
                f"train: warning: MLflow did not take {what}: {error}. Training goes on; the "
                "stage `sample` makes another run for the finished model.",
                file=sys.stderr,
            )

    def log_epoch(self, epoch: Epoch) -> None:
        """Log an epoch's losses, once."""
        if epoch.epoch > self._logged_epochs and not self._is_broken:
            with self._keep_training(f"epoch {epoch.epoch}"):
                log_epoch(self._mlflow, epoch)
                self._mlflow.log_metric(f"{_CURVES}seconds", epoch.seconds, step=epoch.epoch)

    def log_humanizer(self, humanizer: Humanizer) -> None:
        """Log the figures of the humanizer."""
        if not self._is_broken:
            with self._keep_training("the humanizer's figures"):
                log_humanizer(self._mlflow, humanizer)

    def log_best(self, network: Network, best: Epoch) -> None:
        """Log the losses of the model's epoch, and tag the run with the model's hash."""
        if not self._is_broken:
            with self._keep_training("the best epoch"):
                log_best(self._mlflow, best)
                self._mlflow.set_tag(MODEL_TAG, hash_model(network))


def log_humanizer(mlflow: Any, humanizer: Humanizer) -> None:
    """Log the figures of the humanizer."""
    figures = humanizer.figures
    mlflow.log_metrics({f"humanizer/{name}": value for name, value in figures.items()})


def log_epoch(mlflow: Any, epoch: Epoch) -> None:
    """Log an epoch's losses."""
    losses = {f"{_CURVES}{name}": loss for name, loss in epoch.losses.items()}
    mlflow.log_metrics(losses, step=epoch.epoch)


def log_best(mlflow: Any, best: Epoch) -> None:
    """Log the losses of the epoch that was kept."""
    losses = {f"kept_epoch/{name}": loss for name, loss in best.losses.items()}
    mlflow.log_metrics({"kept_epoch/epoch": best.epoch, **losses})


def _log_datasets(mlflow: Any, root: Path) -> None:
    import pandas as pd

    for side, context in (("train", "training"), ("validation", "validation")):
        path = root / ENCODED / f"{side}.txt"
        frame = pd.DataFrame({"loop": path.read_text(encoding="utf-8").splitlines()})
        with warnings.catch_warnings():
            # MLflow 3.17 registers two source types that accept a path.
            warnings.filterwarnings("ignore", message="The specified dataset source")
            dataset = mlflow.data.from_pandas(frame, source=str(path.relative_to(root)), name=side)
        mlflow.log_input(dataset, context=context)

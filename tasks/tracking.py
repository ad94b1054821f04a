"""MLflow: one run per training, identified by the hash of its weights.

All data is local under `mlruns/` unless `MLFLOW_TRACKING_URI` is set. A model that DVC restored
from its cache was trained elsewhere or earlier: if no run has it, one is created from the model's
folder.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import os
import subprocess
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from tasks.places import AUDIT, ENCODED, MODEL, TRACKING
from trapgen.core import Params
from trapgen.model import Humanizer, Network, hash_model, load_humanizer, load_network, make_inputs
from trapgen.model.training import Epoch, best_epoch, load_keras, read_history

if TYPE_CHECKING:
    from mlflow.entities import Run

EXPERIMENT: Final = "trapgen"
MODEL_TAG: Final = "trapgen.model"
TRAINING_TAG: Final = "trapgen.training"
_ELSEWHERE: Final = os.environ.get("MLFLOW_TRACKING_URI")
"""Read before MLflow is imported, because MLflow sets the variable itself."""
_REQUIREMENTS: Final = ("tensorflow", "keras", "numpy")


def _connect(root: Path) -> Any:
    """MLflow, connected to the checkout's own store or the one in the environment."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import mlflow

    # Hide the log of creating a new database.
    for name in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    place = (root / TRACKING).resolve()
    if _ELSEWHERE is None:
        place.mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(f"sqlite:///{place / 'mlflow.db'}")
    if not mlflow.search_experiments(filter_string=f"name = '{EXPERIMENT}'"):
        location = (place / "artifacts").as_uri() if _ELSEWHERE is None else None
        mlflow.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    return mlflow


def _find_run(mlflow: Any, tag: str, value: str) -> Run | None:
    found: list[Run] = mlflow.search_runs(
        experiment_names=[EXPERIMENT],
        filter_string=f"tags.`{tag}` = '{value}'",
        output_format="list",
        max_results=1,
    )
    return found[0] if found else None


class TrainingRun:
    """The MLflow run of a training; an interrupted run is resumed.

    Args:
        root: The checkout.
        params: All parameters.
        name: Hash of data and parameters, from `trapgen.model.training.fingerprint`.
    """

    def __init__(self, root: Path, params: Params, name: str) -> None:
        self._root, self._params, self._name = root, params, name
        self._logged_epochs = 0

    def __enter__(self) -> TrainingRun:
        self._mlflow = mlflow = _connect(self._root)
        earlier = _find_run(mlflow, TRAINING_TAG, self._name)
        if earlier is not None and earlier.info.status != "FINISHED":
            mlflow.start_run(run_id=earlier.info.run_id)
            history = mlflow.MlflowClient().get_metric_history(earlier.info.run_id, "validation")
            self._logged_epochs = len(history)
            return self
        mlflow.start_run(tags={TRAINING_TAG: self._name, **_read_tags(self._root)})
        mlflow.log_params(_flatten(dataclasses.asdict(self._params)))
        _log_datasets(mlflow, self._root)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._mlflow.end_run("FAILED" if kind else "FINISHED")

    def log_epoch(self, epoch: Epoch) -> None:
        """Log an epoch's losses, once."""
        if epoch.epoch > self._logged_epochs:
            _log_epoch(self._mlflow, epoch)
            self._mlflow.log_metric("seconds", epoch.seconds, step=epoch.epoch)

    def log_humanizer(self, humanizer: Humanizer) -> None:
        """Log the figures of the humanizer."""
        _log_humanizer(self._mlflow, humanizer)

    def log_model(self, network: Network, best: Epoch) -> None:
        """Log the model with the figures of its epoch, and tag the run with its hash."""
        _log_best(self._mlflow, best)
        _log_model(self._mlflow, network)


def _log_humanizer(mlflow: Any, humanizer: Humanizer) -> None:
    figures = humanizer.figures
    mlflow.log_metrics({f"humanizer_{name}": value for name, value in figures.items()})


def _log_epoch(mlflow: Any, epoch: Epoch) -> None:
    mlflow.log_metrics(epoch.losses, step=epoch.epoch)


def _log_best(mlflow: Any, best: Epoch) -> None:
    losses = {f"best_{name}": loss for name, loss in best.losses.items()}
    mlflow.log_metrics({"best_epoch": best.epoch, **losses})


def _log_model(mlflow: Any, network: Network) -> None:
    import numpy as np
    from mlflow.models import infer_signature

    model = load_keras(network)
    tokens = np.zeros((1, network.spec.codec.bar_length), np.int64)
    example = vars(make_inputs(tokens, network.spec))
    scores = np.asarray(model(example))
    # Keras draws progress bars when the example is predicted.
    with redirect_stdout(io.StringIO()):
        mlflow.tensorflow.log_model(
            model,
            name="model",
            signature=infer_signature(example, scores),
            input_example=example,
            pip_requirements=list(_REQUIREMENTS),
        )
    mlflow.set_tag(MODEL_TAG, hash_model(network))


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


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= _flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _read_tags(root: Path) -> dict[str, str]:
    """The git commit, and DVC's hashes of the training's inputs."""
    import yaml

    tags = {}
    commit = _git(root, "rev-parse", "HEAD")
    if commit:
        dirty = "-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
        tags["git.commit"] = commit + dirty
    lock = root / "dvc.lock"
    stages = yaml.safe_load(lock.read_text()).get("stages", {}) if lock.is_file() else {}
    for name, stage in stages.items():
        for out in stage.get("outs", ()) if name in ("corpus", "encode") else ():
            tags[f"dvc.{out['path']}"] = out.get("md5", "")
    return tags


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _open_run(root: Path, mlflow: Any, model: str) -> str:
    """Id of the run that trained a model; created from the model's folder if there is none."""
    found = _find_run(mlflow, MODEL_TAG, model)
    if found is not None:
        return str(found.info.run_id)
    network = load_network(root / MODEL)
    with mlflow.start_run(tags={"trapgen.restored": "true", **_read_tags(root)}) as run:
        mlflow.log_params(_flatten(dataclasses.asdict(network.spec), "model."))
        history = read_history(root / MODEL / "history.csv")
        for epoch in history:
            _log_epoch(mlflow, epoch)
        _log_best(mlflow, best_epoch(history))
        _log_humanizer(mlflow, load_humanizer(root / MODEL))
        _log_model(mlflow, network)
    return str(run.info.run_id)


def track_samples(root: Path, model: str, folder: Path) -> None:
    """Add a folder of samples to the run that trained the model.

    Args:
        root: The checkout.
        model: The model's hash.
        folder: MIDI, audio, pictures, receipts.
    """
    mlflow = _connect(root)
    with mlflow.start_run(run_id=_open_run(root, mlflow, model)):
        mlflow.log_artifacts(str(folder), artifact_path="samples")


def track_evaluation(root: Path, model: str, metrics: Mapping[str, Any], folder: Path) -> None:
    """Add figures, plots and both reports to the run that trained the model.

    Args:
        root: The checkout.
        model: The model's hash.
        metrics: Content of `metrics.json`.
        folder: Its folder, `data/reports`.
    """
    mlflow = _connect(root)
    with mlflow.start_run(run_id=_open_run(root, mlflow, model)):
        mlflow.log_metrics(_flatten(metrics))
        mlflow.log_artifacts(str(folder), artifact_path="reports")
        for name in ("report.html", "summary.json", "overlap.parquet"):
            mlflow.log_artifact(str(root / AUDIT / name), artifact_path="audit")

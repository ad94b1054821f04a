"""Where runs are kept: the checkout's own store, or the server that the environment names."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from tasks.places import TRACKING

if TYPE_CHECKING:
    from mlflow.entities import Run

EXPERIMENT: Final = "trapgen"
MODEL_TAG: Final = "trapgen.model"
"""Hash of the run's model."""
NOTE_TAG: Final = "mlflow.note.content"
"""The description of a run, an experiment or a model, as Markdown."""
_DATABASE: Final = "mlflow.db"
_ARTIFACTS: Final = "artifacts"
_ELSEWHERE: Final = os.environ.get("MLFLOW_TRACKING_URI")
"""Read before MLflow is imported, because MLflow sets the variable itself."""
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_LOUD: Final = ("alembic", "mlflow.store.db.utils", "mlflow.system_metrics.system_metrics_monitor")
"""Loggers that tell what is no news: of a new database, of measuring the machine."""
_EXPERIMENT_TAGS: Final = {
    # MLflow opens an experiment without this as one of agents and prompts.
    "mlflow.experimentKind": "custom_model_development",
    NOTE_TAG: "One run per trained model. A run nested under another began from its model.",
}
_PLACES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns in which MLflow keeps absolute places of artifacts."""


def connect(root: Path) -> Any:
    """MLflow, connected to the checkout's own store or the one in the environment.

    Args:
        root: The checkout, or a copy of it in which DVC runs an experiment.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    import mlflow

    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    if _ELSEWHERE is None:
        _open_own_store(mlflow, find_home(root) / TRACKING)
    experiment = mlflow.set_experiment(EXPERIMENT)
    for name, value in _EXPERIMENT_TAGS.items():
        if name not in experiment.tags:
            mlflow.MlflowClient().set_experiment_tag(experiment.experiment_id, name, value)
    return mlflow


def find_home(root: Path) -> Path:
    """The checkout whose store the runs of a stage belong into.

    `dvc exp run --queue` and `--temp` run stages in a copy under `.dvc/tmp`, which DVC deletes.
    `DVC_ROOT` names the checkout that it was made from.
    """
    root, home = root.resolve(), os.environ.get("DVC_ROOT")
    if home and root.is_relative_to(Path(home).resolve() / ".dvc"):
        return Path(home).resolve()
    return root


def _open_own_store(mlflow: Any, place: Path) -> None:
    """Open the store in a folder; make it, or put its places right, one process at a time."""
    from filelock import FileLock

    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / ".lock"):
        _follow_checkout(place)
        mlflow.set_tracking_uri(f"sqlite:///{place / _DATABASE}")
        # Looking for the experiment makes the tables.
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            mlflow.create_experiment(EXPERIMENT, artifact_location=(place / _ARTIFACTS).as_uri())


def _follow_checkout(place: Path) -> None:
    """Correct the places of artifacts in a store that was moved or copied with its checkout.

    MLflow keeps absolute places: without this, a copy writes its artifacts into the old checkout,
    and runs of a checkout that was moved have none.
    """
    if not (place / _DATABASE).is_file():
        return
    with closing(sqlite3.connect(place / _DATABASE, timeout=60)) as store, store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
        if not {table for table, _ in _PLACES} <= tables:
            return
        own = "SELECT artifact_location FROM experiments WHERE name = ?"
        (old,) = store.execute(own, (EXPERIMENT,)).fetchone() or ("",)
        here = place.as_uri()
        old = old.removesuffix(f"/{_ARTIFACTS}")
        # Someone who keeps artifacts elsewhere on purpose does so with another location.
        if old == here or not old.endswith(f"/{TRACKING}"):
            return
        # What MLflow made without our doing, such as its experiment Default, is named by paths.
        moves = {old: here, unquote(urlsplit(old).path): str(place)}
        for table, column in _PLACES:
            for start, new in moves.items():
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE substr({column}, 1, ?) = ?",
                    (new, len(start) + 1, len(start) + 1, f"{start}/"),
                )


def find_run(mlflow: Any, tag: str, value: str) -> Run | None:
    """The newest run with a tag."""
    found: list[Run] = mlflow.search_runs(
        experiment_names=[EXPERIMENT],
        filter_string=f"tags.`{tag}` = '{value}'",
        output_format="list",
        max_results=1,
    )
    return found[0] if found else None


def flatten(tree: Mapping[str, Any], separator: str = "/", prefix: str = "") -> dict[str, Any]:
    """Leaves of a tree by their paths; MLflow groups names by what stands before the last slash."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, separator, name + separator)
        else:
            flat[name] = value
    return flat

"""Evaluation and verdict, added to the run of the model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Final

from tasks.places import AUDIT, SAMPLES
from tasks.tracking.description import PAGES, describe_run, replace_verdict
from tasks.tracking.model_run import copy_visible, open_run
from tasks.tracking.origin import name_run, read_tags
from tasks.tracking.pages import embed_neighbors
from tasks.tracking.store import MODEL_TAG, NOTE_TAG, connect, find_run, flatten
from trapgen.core import read_json
from trapgen.report import write_samples_page

VERDICT_TAG: Final = "trapgen.verdict"
STANDINGS: Final = ("champion", "former champion", "declined")
_HEADLINE: Final = "headline/"
"""The group of what matters: of the groups it sorts first."""
_AUDIT_FILES: Final = ("report.html", "summary.json", "overlap.parquet")


def track_evaluation(root: Path, model: str, metrics: Mapping[str, Any], folder: Path) -> None:
    """Add figures, tables, plots, both reports and a page of samples to the run of the model.

    Args:
        root: The checkout.
        model: The model's hash.
        metrics: Headline figures, the content of `metrics.json`.
        folder: Its folder, `data/reports`.
    """
    mlflow = connect(root)
    summary = read_json(root / AUDIT / "summary.json")
    with mlflow.start_run(run_id=open_run(root, mlflow, model)) as run:
        figures = {
            name: float(value)
            for name, value in flatten(metrics, ".").items()
            if isinstance(value, Real)
        }
        mlflow.log_metrics({f"{_HEADLINE}{name}": value for name, value in figures.items()})
        for source, place in ((folder, "reports"), (root / AUDIT, "audit")):
            with copy_visible(source, only=_AUDIT_FILES if place == "audit" else ()) as copy:
                embed_neighbors(copy / "report.html", source)
                mlflow.log_artifacts(str(copy), artifact_path=place)
        with tempfile.TemporaryDirectory() as scratch:
            write_samples_page(Path(scratch) / "index.html", root / SAMPLES)
            mlflow.log_artifacts(scratch, artifact_path="samples")
        at = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts"
        pages = {name: f"{at}/{path}" for name, path in PAGES.items()}
        verdict = run.data.tags.get(VERDICT_TAG, "")
        text = describe_run(summary, figures, _find_goals(metrics, folder), pages, verdict)
        mlflow.set_tag(NOTE_TAG, text)


def track_refusal(root: Path, reason: str) -> None:
    """Record that the audit's gate refused the data, as a run of its own without a model.

    Args:
        root: The checkout.
        reason: Markdown: why, and which loops.
    """
    mlflow = connect(root)
    tags = {VERDICT_TAG: "refused", NOTE_TAG: f"**Refused by the audit's gate.**\n\n{reason}"}
    with mlflow.start_run(run_name=f"{name_run(root)}, refused", tags={**tags, **read_tags(root)}):
        with copy_visible(root / AUDIT, only=_AUDIT_FILES) as copy:
            embed_neighbors(copy / "report.html", root / AUDIT)
            mlflow.log_artifacts(str(copy), artifact_path="audit")
        mlflow.end_run("FAILED")


def describe_verdict(root: Path, model: str, standing: str, verdict: str) -> None:
    """Say in the name and on the page of a model's run what was decided on it.

    Args:
        root: The checkout.
        model: The model's hash.
        standing: One of `STANDINGS`, which ends the run's name.
        verdict: When, what and why.
    """
    mlflow = connect(root)
    client, run = mlflow.MlflowClient(), find_run(mlflow, MODEL_TAG, model)
    if run is None:
        return
    name = run.info.run_name
    for known in STANDINGS:
        name = name.removesuffix(f", {known}")
    client.update_run(run.info.run_id, name=f"{name}, {standing}")
    client.set_tag(run.info.run_id, VERDICT_TAG, verdict)
    text = replace_verdict(run.data.tags.get(NOTE_TAG, ""), verdict)
    client.set_tag(run.info.run_id, NOTE_TAG, text)


def _find_goals(metrics: Mapping[str, Any], folder: Path) -> dict[str, bool]:
    """Whether each goal holds, from the figures or from the details beside them."""
    details = folder / "details.json"
    for content in (metrics, read_json(details) if details.is_file() else {}):
        goals = content.get("goals", {})
        found = {
            name: bool(goal["holds"])
            for name, goal in goals.items()
            if isinstance(goal, Mapping) and "holds" in goal
        }
        if found:
            return found
    return {}

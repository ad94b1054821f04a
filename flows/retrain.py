"""Retraining: detect changes, rebuild what depends on them, and log why.

    python -m flows.retrain [--root .] [--commit] [--webhook URL]: and the options of flows.pipeline

A run without changes ends in seconds, so the schedule in `prefect.yaml` may be as dense as desired.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows import dag
from flows.keep import commit_pointers, push_files
from flows.notify import notify, notify_end
from flows.pipeline import (
    STAGE_HOURS,
    Visit,
    build_stages,
    open_checkout,
    parse_arguments,
    summarize,
)
from flows.reasons import RETRIES, exit_code, fail_with_reason
from flows.spread import WorkerKind, Workers
from tasks.places import MODEL
from tasks.promote import VERSION, describe_refusal, find_decision
from tasks.promote import run as run_promotion
from tasks.registry import is_mirrored
from tasks.stage import WAIT_S
from tasks.tracking.results import track_refusal
from trapgen.core import GateRefusedError, TableError

LOG: Final = Path("mlruns/retrain.jsonl")
"""One JSON object per line, oldest first: one for each rebuild or failed attempt.

It is with the other records of runs, which git and DVC ignore: DVC removes a stage's outputs before
it runs, and a log of reruns inside one would count as a change in the next run.
"""

Build = Callable[[Path], Sequence[Visit]]
Judge = Callable[[Path], str]


def renew_model(
    root: Path,
    build: Build,
    *,
    force: bool = False,
    commit: bool = False,
    judge: Judge | None = None,
) -> dict[str, Any] | None:
    """Rebuild what is stale after changes of corpus or parameters, and log what was done and why.

    Args:
        root: A checkout that the calling flow holds.
        build: Rebuilds it, with tasks of the calling flow.
        force: Rebuild everything, stale or not.
        commit: Commit `dvc.lock` before and after, and send files to the DVC remote.
        judge: Decides whether the model is put to use; by default nobody.

    Returns:
        The line added to `LOG`: `started` (UTC), `changes` (by stage or pack), `outcome`
        (`rebuilt`, `refused` by a gate, or `failed`), `stages` (the final state of each, and why)
        or `error`, and `promotion`, what was decided on the model. None if nothing was stale and
        the model was judged before.

    Raises:
        InputError: git refuses to commit.
        Exception: The error that stopped the rebuild, after it was logged.
    """
    with dag.open_repo(root) as repo:
        changes = dag.read_changes(repo)
    if commit:
        # What `make run` or a killed flow has recorded since: the rebuild would replace it.
        commit_pointers(root, "The pipeline's state before a rebuild")
    if not (changes or force or (judge and is_waiting(root))):
        _publish("Nothing changed: every stage is current.")
        return None
    entry = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "changes": {name: list(why) for name, why in changes.items()},
    }
    try:
        visits = build(root)
        if judge and is_waiting(root):
            entry["promotion"] = judge(root)
    except Exception as error:
        outcome = "refused" if isinstance(error, GateRefusedError) else "failed"
        entry |= {"outcome": outcome, "error": str(error) or type(error).__name__}
        if outcome == "refused":
            entry["refused"] = _record_refusal(root)
        raise
    else:
        entry |= {
            "outcome": "rebuilt",
            "stages": {visit.stage: {"state": visit.state, "why": visit.why} for visit in visits},
        }
    finally:
        if "outcome" in entry:
            _append(root / LOG, entry)
            _publish(_describe(entry))
    if commit:
        reasons = [f"{name}: {summarize(why)}" for name, why in changes.items()]
        commit_pointers(root, "Retrained: the pipeline's new state", reasons)
    return entry


def is_waiting(root: Path) -> bool:
    """Whether the candidate was not judged yet, or the judgment was interrupted at its end."""
    if not (root / MODEL / "lineage.json").is_file():
        return False
    return find_decision(root) is None or not is_mirrored(root)


@task(name="promote", version=VERSION, task_run_name="promote", cache_policy=NO_CACHE, **RETRIES)
def judge_model(root: Path) -> str:
    """Judge the candidate against the champion, and notify the webhook."""
    verdict = run_promotion(root)
    # One judged before was interrupted ahead of this message.
    notify("promoted" if verdict.champion == verdict.version else "declined", str(verdict))
    return str(verdict)


def _record_refusal(root: Path) -> str:
    """Describe why the audit refused, and log it in MLflow; empty if another gate did."""
    try:
        reason = describe_refusal(root)
    except TableError:
        return ""
    try:
        track_refusal(root, reason)
    # The refusal itself must reach the flow's state, whatever MLflow does.
    except Exception as error:
        print(f"not logged in MLflow: {type(error).__name__}: {error}")
    return reason


def _append(path: Path, entry: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _describe(entry: Mapping[str, Any]) -> str:
    lines = [f"{entry['outcome'].capitalize()}; a line more in {LOG}.", "", "What had changed:", ""]
    lines += [f"- {name}: {summarize(why)}" for name, why in entry["changes"].items()]
    if "promotion" in entry:
        lines[0] += f" Model {entry['promotion']}"
    if "error" in entry:
        lines += ["", f"What stopped it: {entry['error']}"]
        return "\n".join([*lines, "", entry.get("refused", "")])
    lines += ["", "| stage | state | why |", "|---|---|---|"]
    lines += [
        f"| {name} | {stage['state']} | {summarize(stage['why'])} |"
        for name, stage in entry["stages"].items()
    ]
    return "\n".join(lines)


def _publish(markdown: str) -> None:
    create_markdown_artifact(markdown, key="retrain", description="What the run did, and why.")
    print(markdown.partition("\n")[0])


@flow(log_prints=True, on_failure=[notify_end], on_crashed=[notify_end])
@fail_with_reason
def retrain(
    root: str = ".",
    force: bool = False,
    workers: WorkerKind = "threads",
    n_workers: int | None = None,
    scheduler: str = "",
    wait_s: float = WAIT_S,
    stage_hours: float = STAGE_HOURS,
    commit: bool = False,
    webhook: str = "",  # noqa: ARG001  # flows.notify finds it among the run's parameters
) -> dict[str, Any] | None:
    """Rebuild the model if the corpus or the parameters changed, and log why.

    Args:
        root: Folder of the checkout; a relative one starts where the flow runs.
        force: Rebuild everything, also what is up to date.
        workers: Where files are read: on threads of one process, on several processes of this
            machine, or on a Dask cluster.
        n_workers: Number of threads, processes or Dask workers. Default: one a processor.
        scheduler: Address of a Dask scheduler, such as tcp://host:8786. Default: a temporary
            cluster on this machine.
        wait_s: Seconds to wait if another process is changing the checkout, before giving up.
        stage_hours: Hours after which a stage that has not finished is stopped and has failed.
        commit: Commit dvc.lock, the split and the packs' .dvc files to git, so that no rebuild
            loses the one before; and send their files to the DVC remote, if there is one.
        webhook: Address that is told of failures, refusals and promotions. Default: the one in the
            environment variable TRAPGEN_WEBHOOK, where it is not shown.
    """
    where = Workers(workers, n_workers, scheduler)
    build = partial(build_stages, force=force, workers=where, stage_hours=stage_hours)
    with open_checkout(Path(root), wait_s) as place:
        entry = renew_model(place, build, force=force, commit=commit, judge=judge_model)
        if commit:
            push_files(place)
    return entry


if __name__ == "__main__":
    options = parse_arguments(retrain)
    sys.exit(exit_code(lambda: retrain(**vars(options))))

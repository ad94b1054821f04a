"""Retraining: detect changes, rebuild what depends on them, and log why.

    python -m flows.retrain [--root .] [--force] [--workers …]: the options of flows.pipeline

A run without changes writes only its artifact, so the schedule in `prefect.yaml` may be as dense
as desired.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows import dag
from flows.pipeline import Visit, exit_code, fail_with_reason, parse_arguments, pipeline
from flows.spread import WorkerKind

LOG: Final = Path("mlruns/retrain.jsonl")
"""One JSON object per line, oldest first: one for each rebuild or failed attempt.

It is with the other records of runs, which git and DVC ignore: DVC removes a stage's outputs before
it runs, and a log of reruns inside one would count as a change in the next run.
"""

Rebuild = Callable[[str, bool], Sequence[Visit]]


def renew_model(
    root: Path, *, force: bool = False, rebuild: Rebuild = pipeline
) -> dict[str, Any] | None:
    """Rebuild what is stale after changes of corpus or parameters, and log what was done and why.

    Args:
        root: The checkout.
        force: Rebuild everything, stale or not.
        rebuild: The flow that rebuilds, called as a subflow with `root` and `force`.

    Returns:
        The line added to `LOG`: `started` (UTC), `changes` (by stage or pack), `outcome` (`rebuilt`
        or `failed`), `stages` (the final state of each, and why) or `error`. None if nothing was
        stale.

    Raises:
        InputError: `root` is not a checkout.
        Exception: The error that stopped the rebuild, after it was logged.
    """
    root = root.resolve()
    with dag.open_repo(root) as repo:
        changes = dag.read_changes(repo)
    if not (changes or force):
        _publish("Nothing changed: every stage is current.")
        return None
    entry = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "changes": {name: list(why) for name, why in changes.items()},
    }
    try:
        visits = rebuild(str(root), force)
    except Exception as error:
        entry |= {"outcome": "failed", "error": str(error) or type(error).__name__}
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
    return entry


def _append(path: Path, entry: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def _describe(entry: Mapping[str, Any]) -> str:
    lines = [f"{entry['outcome'].capitalize()}; a line more in {LOG}.", "", "What had changed:", ""]
    lines += [f"- {name}: {'; '.join(why)}" for name, why in entry["changes"].items()]
    if "error" in entry:
        return "\n".join([*lines, "", f"What stopped it: {entry['error']}"])
    lines += ["", "| stage | state | why |", "|---|---|---|"]
    lines += [
        f"| {name} | {stage['state']} | {'; '.join(stage['why'])} |"
        for name, stage in entry["stages"].items()
    ]
    return "\n".join(lines)


def _publish(markdown: str) -> None:
    create_markdown_artifact(markdown, key="retrain", description="What the run did, and why.")
    print(markdown.partition("\n")[0])


@flow
@fail_with_reason
def retrain(
    root: str = ".",
    force: bool = False,
    workers: WorkerKind = "threads",
    n_workers: int | None = None,
    scheduler: str = "",
) -> dict[str, Any] | None:
    """Rebuild the model if the corpus or the parameters changed, and log why.

    Args:
        root: The checkout.
        force: Rebuild everything, stale or not.
        workers: Where chunks of files run, as in `pipeline`; also the next two.
        n_workers: Number of workers.
        scheduler: Address of Dask's scheduler.
    """
    rebuild = partial(pipeline, workers=workers, n_workers=n_workers, scheduler=scheduler)
    return renew_model(Path(root), force=force, rebuild=rebuild)


if __name__ == "__main__":
    options = parse_arguments("Rebuild what changed, and write down why.")
    sys.exit(exit_code(lambda: retrain(**vars(options))))

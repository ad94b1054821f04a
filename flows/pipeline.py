"""The pipeline: every stage of `dvc.yaml` as a Prefect task, in one process.

    python -m flows.pipeline [--root .] [--force]
                             [--workers threads|processes|dask] [--n-workers N] [--scheduler URL]
                             [--wait-s S] [--stage-hours H]

Without a configured server (`PREFECT_API_URL`), Prefect starts a temporary one and stops it; only
threads can use it. The exit code is 0, or that of the error that stopped a stage: 4 if the audit's
gate refuses.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from prefect import Flow, State, Task, flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import dag
from flows.links import publish_links
from flows.progress import publish_epochs, publish_progress
from flows.reasons import REFUSED, RETRIES, exit_code, fail_with_reason
from flows.repair import repair
from flows.runs import close_killed_runs, register_run
from flows.spread import WorkerKind, Workers, open_workers
from tasks.inputs import check_inputs
from tasks.stage import WAIT_S, Stage, hold_checkout, load_stage
from trapgen.core import GateRefusedError, ParameterError

Load = Callable[[str], Stage]
STAGE_HOURS: Final = 24.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Result of one stage.

    Attributes:
        stage: Its name.
        state: Name of its task's final state: `Completed` (it ran), `Restored` (from DVC's run
            cache), `Cached` (it was current), `Refused` (by a gate), `Failed`, or `NotReady` (a
            stage upstream of it failed).
        seconds: Wall-clock time, DVC's bookkeeping included.
        why: Changes, one phrase each; or the error of a failed stage.
    """

    stage: str
    state: str
    seconds: float
    why: tuple[str, ...] = ()


@contextmanager
def open_checkout(root: Path, wait_s: float = WAIT_S) -> Iterator[Path]:
    """Yield the root of a checkout that the calling flow alone may change, in good order.

    Raises:
        InputError: `root` is not a checkout, or another process holds it for more than `wait_s`
            seconds; or there is a file among the packs that DVC cannot read.
    """
    root = root.resolve()
    with dag.open_repo(root):
        pass
    register_run(root)
    with hold_checkout(root, f"flow run {flow_run.name}", wait_s):
        for name in close_killed_runs(root):
            print(f"flow run {name} had been killed: it is closed as crashed")
        for sentence in repair(root):
            print(sentence)
        check_inputs(root)
        yield root


def build_stages(
    root: Path,
    *,
    force: bool = False,
    workers: Workers | None = None,
    stage_hours: float = STAGE_HOURS,
    load: Load = load_stage,
) -> tuple[Visit, ...]:
    """Bring every stage of the checkout up to date, as tasks of the calling flow.

    One task per stage, with DVC's edges. The table of results is printed and becomes an artifact of
    the flow run, even if a stage fails.

    Args:
        root: The checkout: the folder with `.dvc` and `dvc.yaml`.
        force: Also run stages that are current.
        workers: Where a stage in chunks runs them; by default on threads.
        stage_hours: Hours after which a stage is stopped.
        load: Finds a stage's function by its name.

    Returns:
        One visit per stage, in DVC's order.

    Raises:
        InputError: `root` is not a checkout.
        ParameterError: `dvc.yaml` has a stage that `load` does not know; nothing ran.
        Exception: The first error of a stage, in DVC's order. Stages that are not downstream of it
            are still brought up to date.
    """
    if not stage_hours > 0:
        raise ParameterError("stage_hours", "above 0", stage_hours)
    root = root.resolve()
    with dag.open_repo(root) as repo:
        dag.record_packs(repo)
        nodes = dag.read_graph(repo)
    visits: dict[str, Visit] = {}
    # All are loaded first, so that a broken one fails before an hour of training.
    workers = workers or Workers()
    tasks = {
        node.name: _stage_task(load(node.name), workers, stage_hours, visits) for node in nodes
    }
    states: dict[str, State[Any]] = {}
    for node in nodes:
        upstream = [states[name] for name in node.upstream]
        # Called rather than submitted: stages share DVC's locks and the process's cores, so they
        # would wait for each other, and an interrupt reaches only the main thread.
        states[node.name] = tasks[node.name](root, force, wait_for=upstream, return_state=True)
    table = tuple(
        visits.get(name, Visit(name, str(state.name), 0.0)) for name, state in states.items()
    )
    _publish(table)
    publish_links(root)
    for state in states.values():
        if state.is_failed():
            state.result()
    return table


def _stage_task(
    stage: Stage, workers: Workers, hours: float, visits: dict[str, Visit]
) -> Task[..., State]:
    """A task that brings `stage` up to date, and records its visit."""

    @task(
        name=stage.name,
        version=stage.version,
        task_run_name=stage.name,
        cache_policy=NO_CACHE,  # DVC decides whether a stage is current
        log_prints=True,
        timeout_seconds=hours * 3600,
        **RETRIES,
    )
    @fail_with_reason
    def visit(root: Path, force: bool) -> State:
        start = perf_counter()
        name = "Failed"
        why: tuple[str, ...] = ()
        try:
            name, why = dag.refresh(root, stage.name, partial(_run, stage, workers), force=force)
        except Exception as error:
            name = REFUSED if isinstance(error, GateRefusedError) else "Failed"
            why = (str(error) or type(error).__name__,)
            raise
        finally:
            visits[stage.name] = Visit(stage.name, name, perf_counter() - start, why)
        return Completed(name=name, message=summarize(why) or None)

    return visit


def _run(stage: Stage, workers: Workers, root: Path) -> None:
    with open_workers(workers) as spread:
        options = {"spread": spread, "progress": publish_progress, "epochs": publish_epochs}
        stage.run(root, **{name: options[name] for name in stage.takes})


def summarize(why: Sequence[str], most: int = 3) -> str:
    """Reasons as one phrase, the first ones if there are many."""
    rest = [f"{len(why) - most} more"] if len(why) > most else []
    return "; ".join([*why[:most], *rest])


def _publish(visits: Sequence[Visit]) -> None:
    rows = [
        {"stage": v.stage, "state": v.state, "seconds": f"{v.seconds:.1f}", "why": summarize(v.why)}
        for v in visits
    ]
    create_table_artifact(rows, key="stages", description="The stages of dvc.yaml, in order.")
    for row in rows:
        print("{stage:<12} {state:<10} {seconds:>8} s  {why}".format(**row).rstrip())


@flow(log_prints=True)
@fail_with_reason
def pipeline(
    root: str = ".",
    force: bool = False,
    workers: WorkerKind = "threads",
    n_workers: int | None = None,
    scheduler: str = "",
    wait_s: float = WAIT_S,
    stage_hours: float = STAGE_HOURS,
) -> tuple[Visit, ...]:
    """Bring every stage of `dvc.yaml` up to date.

    Args:
        root: Folder of the checkout; a relative one starts where the flow runs.
        force: Run every stage, also those that are up to date.
        workers: Where files are read: on threads of one process, on several processes of this
            machine, or on a Dask cluster.
        n_workers: Number of threads, processes or Dask workers. Default: one a processor.
        scheduler: Address of a Dask scheduler, such as tcp://host:8786. Default: a temporary
            cluster on this machine.
        wait_s: Seconds to wait if another process is changing the checkout, before giving up.
        stage_hours: Hours after which a stage that has not finished is stopped and has failed.
    """
    where = Workers(workers, n_workers, scheduler)
    with open_checkout(Path(root), wait_s) as place:
        return build_stages(place, force=force, workers=where, stage_hours=stage_hours)


def parse_arguments(
    flow: Flow[Any, Any], arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """Read a flow's parameters from the command line, as Prefect's form asks for them."""
    parser = argparse.ArgumentParser(description=(flow.description or "").partition("\n")[0])
    kinds = {"integer": int, "number": float, "string": str}
    for name, parameter in flow.parameters.properties.items():
        option, help_ = f"--{name.replace('_', '-')}", parameter["description"]
        default = parameter.get("default")
        if parameter.get("type") == "boolean":
            parser.add_argument(option, action="store_true", default=default, help=help_)
            continue
        kind = parameter.get("type") or parameter["anyOf"][0]["type"]
        parser.add_argument(
            option, type=kinds[kind], choices=parameter.get("enum"), default=default, help=help_
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parse_arguments(pipeline)
    sys.exit(exit_code(lambda: pipeline(**vars(options))))

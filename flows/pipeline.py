"""The pipeline: every stage of `dvc.yaml` as a Prefect task, in one process.

    python -m flows.pipeline [--root .] [--force]
                             [--workers threads|processes|dask] [--n-workers N] [--scheduler URL]

Without a configured server (`PREFECT_API_URL`), Prefect starts a temporary one and stops it; only
threads can use it. The exit code is 0, or that of the error that stopped a stage: 4 if the audit's
gate refuses.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar, cast, get_args

from prefect import State, Task, flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from flows import dag
from flows.spread import WorkerKind, Workers, open_workers, publish_progress
from tasks.stage import Stage, load_stage
from trapgen.core import TrapgenError

P = ParamSpec("P")
T = TypeVar("T")
Load = Callable[[str], Stage]


@dataclass(frozen=True, slots=True)
class Visit:
    """Result of one stage.

    Attributes:
        stage: Its name.
        state: Name of its task's final state: `Completed` (it ran), `Restored` (from DVC's run
            cache), `Cached` (it was current), `Failed`, or `NotReady` (a stage upstream of it
            failed).
        seconds: Wall-clock time, DVC's bookkeeping included.
        why: Changes, one phrase each; or the error of a failed stage.
    """

    stage: str
    state: str
    seconds: float
    why: tuple[str, ...] = ()


def build_stages(
    root: Path, *, force: bool = False, workers: Workers | None = None, load: Load = load_stage
) -> tuple[Visit, ...]:
    """Bring every stage of the checkout up to date, as tasks of the calling flow.

    One task per stage, with DVC's edges. The table of results is printed and becomes an artifact of
    the flow run, even if a stage fails.

    Args:
        root: The checkout: the folder with `.dvc` and `dvc.yaml`.
        force: Also run stages that are current.
        workers: Where a stage in chunks runs them; by default on threads.
        load: Finds a stage's function by its name.

    Returns:
        One visit per stage, in DVC's order.

    Raises:
        InputError: `root` is not a checkout.
        ParameterError: `dvc.yaml` has a stage that `load` does not know; nothing ran.
        Exception: The first error of a stage, in DVC's order. Stages that are not downstream of it
            are still brought up to date.
    """
    root = root.resolve()
    with dag.open_repo(root) as repo:
        dag.record_packs(repo)
        nodes = dag.read_graph(repo)
    visits: dict[str, Visit] = {}
    # All are loaded first, so that a broken one fails before an hour of training.
    workers = workers or Workers()
    tasks = {node.name: _stage_task(load(node.name), workers, visits) for node in nodes}
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
    for state in states.values():
        if state.is_failed():
            state.result()
    return table


def fail_with_reason(run: Callable[P, T]) -> Callable[P, T]:
    """Make the function of a flow or task return a failed state if it raises a TrapgenError.

    The message of such an error is complete, and the traceback that Prefect logs would hide it.
    Prefect unwraps the state, so the caller of the flow still gets the error.
    """

    @wraps(run)
    def body(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except TrapgenError as error:
            return cast(T, Failed(message=str(error), data=error))

    return body


def _stage_task(stage: Stage, workers: Workers, visits: dict[str, Visit]) -> Task[..., State]:
    """A task that brings `stage` up to date, and records its visit."""

    @task(
        name=stage.name,
        version=stage.version,
        task_run_name=stage.name,
        cache_policy=NO_CACHE,  # DVC decides whether a stage is current
    )
    @fail_with_reason
    def visit(root: Path, force: bool) -> State:
        start = perf_counter()
        name = "Failed"
        why: tuple[str, ...] = ()
        try:
            name, why = dag.refresh(root, stage.name, partial(_run, stage, workers), force=force)
        except Exception as error:
            why = (str(error) or type(error).__name__,)
            raise
        finally:
            visits[stage.name] = Visit(stage.name, name, perf_counter() - start, why)
        return Completed(name=name, message="; ".join(why) or None)

    return visit


def _run(stage: Stage, workers: Workers, root: Path) -> None:
    if not stage.spreads:
        stage.run(root)
        return
    with open_workers(workers) as spread:
        stage.run(root, spread=spread, progress=publish_progress)


def _publish(visits: Sequence[Visit]) -> None:
    rows = [
        {"stage": v.stage, "state": v.state, "seconds": f"{v.seconds:.1f}", "why": "; ".join(v.why)}
        for v in visits
    ]
    create_table_artifact(rows, key="stages", description="The stages of dvc.yaml, in order.")
    for row in rows:
        print("{stage:<12} {state:<10} {seconds:>8} s  {why}".format(**row).rstrip())


@flow
@fail_with_reason
def pipeline(
    root: str = ".",
    force: bool = False,
    workers: WorkerKind = "threads",
    n_workers: int | None = None,
    scheduler: str = "",
) -> tuple[Visit, ...]:
    """Bring every stage of `dvc.yaml` up to date.

    Args:
        root: The checkout.
        force: Also run stages that are current.
        workers: Where chunks of files run: on threads, processes or Dask (see `Workers`).
        n_workers: Number of workers; by default one per processor.
        scheduler: Address of Dask's scheduler; by default a cluster on this machine.
    """
    where = Workers(workers, n_workers, scheduler)
    return build_stages(Path(root), force=force, workers=where)


def exit_code(run: Callable[[], object]) -> int:
    """Call a flow and return the exit code for its result."""
    # By default, Prefect hands SIGTERM back to the system, which kills the process before its
    # temporary server is stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run()
    except TrapgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        # Prefect has logged the traceback.
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments(description: str, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options shared by all flows; their names are those of the flows' parameters."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", default=".", help="the checkout (default: the current folder)")
    parser.add_argument("--force", action="store_true", help="also run stages that are current")
    kinds = get_args(WorkerKind)
    parser.add_argument("--workers", choices=kinds, default=kinds[0], help="where files are read")
    parser.add_argument("--n-workers", type=int, help="number (default: one per processor)")
    parser.add_argument("--scheduler", default="", help="Dask's (default: one on this machine)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parse_arguments("Bring every stage of dvc.yaml up to date.")
    sys.exit(exit_code(lambda: pipeline(**vars(options))))

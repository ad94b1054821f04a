"""Flow runs of a checkout: the tag that finds them, and an end for those that were killed.

Each run holds an OS lock on a file of its own for as long as its process lives. A run whose file
nobody holds has ended, whatever Prefect says of it: a killed process reports nothing.
"""

from pathlib import Path
from typing import Any, Final
from uuid import UUID

from filelock import FileLock, Timeout
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Crashed, State

RUNS: Final = Path(".dvc/tmp/flow-runs")

_GUARD: Final = "guard"
_held: Final[list[FileLock]] = []


def tag_checkout(root: Path) -> str:
    """The tag of all runs of a checkout."""
    return f"checkout:{root.resolve()}"


def register_run(root: Path) -> None:
    """Tag the current flow run, and hold its file until this process ends."""
    folder = root / RUNS
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _GUARD):
        lock = FileLock(folder / str(flow_run.id))
        lock.acquire(timeout=0)
    _held.append(lock)
    tags = {*flow_run.tags, tag_checkout(root)}
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), tags=sorted(tags))


def close_killed_runs(root: Path) -> list[str]:
    """Give runs whose process has ended without a word the state `Crashed`, their tasks too.

    Returns:
        Names of the flow runs.
    """
    folder = root / RUNS
    files = [path for path in folder.glob("*") if path.name != _GUARD]
    if not files:
        return []
    names: list[str] = []
    with FileLock(folder / _GUARD), get_client(sync_client=True) as client:
        for path in files:
            try:
                with FileLock(path, timeout=0):
                    names += _close(client, UUID(path.name))
                    path.unlink(missing_ok=True)
            except Timeout:  # it runs
                continue
    return names


def _close(client: SyncPrefectClient, run: UUID) -> list[str]:
    crashed: State[Any] = Crashed(message="The process was killed.")
    try:
        found = client.read_flow_run(run)
    except ObjectNotFound:  # of another server
        return []
    for task in client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    ):
        if task.state is not None and not task.state.is_final():
            client.set_task_run_state(task.id, crashed, force=True)
    if found.state is not None and found.state.is_final():
        return []
    client.set_flow_run_state(run, crashed, force=True)
    return [found.name]

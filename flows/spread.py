"""Chunks of a stage's work as Prefect tasks, on threads, processes or the workers of Dask.

The choice affects only the run time, so it is not a parameter of a stage. A chunk's files and the
folder for its loops must have the same paths on every worker, and every worker needs this project's
code.
"""

from __future__ import annotations

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from trapgen.core import ParameterError
from trapgen.ingest import Chunk, Part, Spread

WorkerKind = Literal["threads", "processes", "dask"]

_AHEAD: Final = 3
"""Submitted chunks per worker: enough to keep workers busy, few enough that finished chunks do not
accumulate."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that run chunks.

    Attributes:
        kind: `threads` of this process; `processes` of this machine; or `dask`.
        number: Number of workers; by default one per processor.
        scheduler: Address of Dask's scheduler (`tcp://host:8786`): all its workers, which need a
            `PREFECT_API_URL` that they can reach. By default a temporary cluster of processes on
            this machine.

    Raises:
        ParameterError: A value is invalid, or other processes are requested and no Prefect server
            is configured.
    """

    kind: WorkerKind = "threads"
    number: int | None = None
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.number is not None and self.number < 1:
            raise ParameterError("n_workers", "at least 1", self.number)
        if self.scheduler and self.kind != "dask":
            raise ParameterError("workers", "dask if a scheduler is given", self.kind)
        if self.kind != "threads" and not PREFECT_API_URL.value():
            # Each worker process would start a temporary server of its own, and not stop it.
            rule = f"the address of a running Prefect server for {self.kind} (`make prefect`)"
            raise ParameterError("PREFECT_API_URL", rule, None)


@contextmanager
def open_workers(workers: Workers) -> Iterator[Spread]:
    """Yield a map over chunks that runs each as a task of the surrounding flow.

    The workers start with the first chunks and stop with the block. The map keeps the order, and
    runs a few chunks per worker ahead of the consumer.
    """
    with ExitStack() as stack:
        # Cached, since the stage may map several times.
        start = cache(lambda: stack.enter_context(_make_runner(workers)))

        def spread(work: Callable[[Chunk], Part], chunks: Sequence[Chunk]) -> Iterable[Part]:
            runner = start()
            most = _AHEAD * _count(workers, runner)
            under_way: deque[PrefectFuture[Part]] = deque()
            for at, chunk in enumerate(chunks, start=1):
                if len(under_way) == most:
                    yield under_way.popleft().result()
                named = _run_chunk.with_options(task_run_name=f"chunk-{at}-of-{len(chunks)}")
                under_way.append(runner.submit(named, {"work": work, "chunk": chunk}))
            while under_way:
                yield under_way.popleft().result()

        yield spread


@task(cache_policy=NO_CACHE)
def _run_chunk(work: Callable[[Chunk], Part], chunk: Chunk) -> Part:
    return work(chunk)


def _count(workers: Workers, runner: Any) -> int:
    if workers.scheduler:
        return sum(runner.client.nthreads().values()) or 1
    return workers.number or os.cpu_count() or 1


def _make_runner(workers: Workers) -> TaskRunner[Any]:
    number = workers.number or os.cpu_count() or 1
    if workers.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=number)
    if workers.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=number, initializer=_ignore_interrupts)
    # Importing Dask takes a second.
    from prefect_dask.task_runners import DaskTaskRunner

    # Dask's log would bury Prefect's own.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    if workers.scheduler:
        return DaskTaskRunner(address=workers.scheduler)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": number,
            "threads_per_worker": 1,
            # Any free port, since two runs may be concurrent.
            "dashboard_address": "127.0.0.1:0",
            # Not every thread of a worker has the settings that a task carries.
            "env": {
                "PREFECT_API_URL": PREFECT_API_URL.value(),
                "DASK_LOGGING__DISTRIBUTED": "warning",
            },
        }
    )


def _ignore_interrupts() -> None:
    # Ctrl-C reaches every process; stopping a worker would leave a pool that never ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

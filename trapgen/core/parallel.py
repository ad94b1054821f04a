"""Blocks of work on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import TypeVar

from threadpoolctl import ThreadpoolController

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def map_blocks(work: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> Iterator[_Result]:
    """Results in the order of the jobs, from one thread per core.

    numpy releases the interpreter lock in most of the work. BLAS is limited to one thread
    meanwhile: its own threads spin while waiting, and on a busy machine blocks of this size took 8
    to 20 times as long with two.
    """
    n_workers = os.cpu_count() or 1
    waiting = iter(jobs)
    with _find_blas().limit(limits=1, user_api="blas"):
        head = list(islice(waiting, 2))
        if n_workers == 1 or len(head) < 2:
            yield from map(work, [*head, *waiting])
            return
        with ThreadPoolExecutor(n_workers) as pool:
            running = [pool.submit(work, job) for job in head]
            running += [pool.submit(work, job) for job in islice(waiting, 2 * n_workers)]
            while running:
                yield running.pop(0).result()
                running += [pool.submit(work, job) for job in islice(waiting, 1)]


@cache
def _find_blas() -> ThreadpoolController:
    """Handle on numpy's BLAS, cached: a scan of the process's libraries takes milliseconds."""
    return ThreadpoolController()

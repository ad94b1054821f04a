"""A stage of the pipeline, and the lock under which the stages of a checkout run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Final

from trapgen.core import (
    InputError,
    ParameterError,
    TableError,
    clear_parts,
    make_folder,
    read_json,
    write_json,
)

LOCK: Final = Path("data/.lock")
HOLDER: Final = Path("data/.lock.json")
WAIT_S: Final = 60.0
"""How long a stage waits for the checkout: longer than a flow that finds nothing to do."""

_OPTIONS: Final = frozenset({"spread", "progress", "epochs"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of `dvc.yaml`.

    Attributes:
        name: Name in `dvc.yaml` and of its module in `tasks/`.
        version: Changes with the stage's behavior.
        run: Reads and writes files under the checkout's root, its only required argument.
        takes: Which of these `run` takes too: `spread`, the map over its chunks of files;
            `progress`, which shows how many are done; `epochs`, which shows those of a training.
    """

    name: str
    version: str
    run: Callable[..., None]
    takes: frozenset[str] = frozenset()


def load_stage(name: str) -> Stage:
    """Load the stage that `tasks/<name>.py` defines by `VERSION` and `run(root)`.

    Raises:
        ParameterError: There is no such module, or it defines no stage.
    """
    rule = "the name of a module in tasks/ that defines VERSION and run(root)"
    if not name.isidentifier():
        raise ParameterError("stage", rule, name)
    try:
        module = import_module(f"tasks.{name}")
    except ModuleNotFoundError as error:
        # A package that the stage imports may be missing instead.
        if error.name != f"tasks.{name}":
            raise
        raise ParameterError("stage", rule, name) from None
    try:
        takes = _OPTIONS & signature(module.run).parameters.keys()
        return Stage(name, module.VERSION, module.run, takes)
    except AttributeError:
        raise ParameterError("stage", rule, name) from None


@contextmanager
def hold_checkout(root: Path, command: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the checkout's lock, so that one process at a time writes its data.

    The operating system releases the lock of a process that ends, even of one that is killed; what
    such a process left half written under `data/` is deleted by the next holder.

    Args:
        root: The checkout.
        command: What holds it, for those who wait.
        wait_s: How long to wait, in seconds, if another process holds it.

    Raises:
        InputError: Another process held it all that time.
    """
    from filelock import FileLock, Timeout

    make_folder((root / LOCK).parent)
    lock = FileLock(root / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting up to {wait_s:g} s for {_describe_holder(root)}", file=sys.stderr)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            advice = "Try again when that process has ended, or stop it."
            raise InputError(root / LOCK, "in_use", _describe_holder(root), advice) from None
    try:
        _clear_after_kill(root)
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        write_json(root / HOLDER, {"pid": os.getpid(), "command": command, "since": since})
        yield
    finally:
        (root / HOLDER).unlink(missing_ok=True)
        lock.release()


def _describe_holder(root: Path) -> str:
    try:
        holder = read_json(root / HOLDER)
        return f"process {holder['pid']}, `{holder['command']}`, since {holder['since']}"
    except TableError:  # it holds the lock for less than a moment
        return "a process that has just started or is about to end"


def _clear_after_kill(root: Path) -> None:
    """Delete temporary files of a holder that did not release the lock itself."""
    if not (root / HOLDER).exists():
        return
    try:
        pid = int(read_json(root / HOLDER)["pid"])
    except TableError:
        return
    if number := clear_parts(root / LOCK.parent, pid):
        print(f"deleted {number} temporary files of process {pid}, which was killed")

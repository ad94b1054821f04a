"""A stage as the pipeline sees it: a name, a version and one plain function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature

from trapgen.core import ParameterError


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of `dvc.yaml`.

    Attributes:
        name: Its name there, and that of its module in `tasks/`.
        version: Changes with the stage's behavior.
        run: Reads and writes files under the checkout's root, the only argument it must have.
        spreads: Whether it also takes `spread`, the map that its chunks of files go through, and
            `progress`, which shows how far they have come.
    """

    name: str
    version: str
    run: Callable[..., None]
    spreads: bool = False


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
        # A package that the stage itself needs may be what is missing.
        if error.name != f"tasks.{name}":
            raise
        raise ParameterError("stage", rule, name) from None
    try:
        spreads = "spread" in signature(module.run).parameters
        return Stage(name, module.VERSION, module.run, spreads)
    except AttributeError:
        raise ParameterError("stage", rule, name) from None

"""A stage of the pipeline: a name, a version and one function."""

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
        name: Name in `dvc.yaml` and of its module in `tasks/`.
        version: Changes with the stage's behavior.
        run: Reads and writes files under the checkout's root, its only required argument.
        spreads: Whether it also takes `spread`, the map over its chunks of files, and `progress`,
            which shows how many are done.
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
        # A package that the stage imports may be missing instead.
        if error.name != f"tasks.{name}":
            raise
        raise ParameterError("stage", rule, name) from None
    try:
        spreads = "spread" in signature(module.run).parameters
        return Stage(name, module.VERSION, module.run, spreads)
    except AttributeError:
        raise ParameterError("stage", rule, name) from None

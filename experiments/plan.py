"""Which experiments there are: data, and parameters that differ from `params.yaml`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from trapgen.core import Params, load_params, write_text

Changes = Mapping[str, object]

_TEXT: Final[Changes] = {
    "grid.steps_per_bar": 16,
    "corpus.starter": False,
    "split.test_share": 0.0,
    "audit.chance_replicates": 10,
    "audit.self_test_leaks": 10,
    "train.architecture": "paper",
    "train.paper_layers": 2,
    "train.paper_units": 64,
    "train.paper_stride": 8,
    "train.control_share": 0.1,
    "train.batch_size": 64,
    "train.learning_rate": 0.005,
}
"""Every experiment's. Scaled down to 64 units; a smaller batch than the original's 128 and a higher
rate than its 0.001 make up for fewer epochs."""

_SONGS: Final[Changes] = {
    **_TEXT,
    "standardize.meter": "ignore",
    "standardize.key_map": "paper",
    "standardize.by_name": False,
    "standardize.feel": "keep",
    **{f"augment.{side}_loops": 0 for side in ("train", "validation", "test")},
    "train.paper_window": 128,
    "train.epochs": 24,
}
"""Whole songs, as the paper read them: nothing is recombined."""

_POOL: Final[Changes] = {
    **_TEXT,
    "augment.train_loops": 400,
    "augment.validation_loops": 100,
    "augment.test_loops": 0,
    "augment.rotate_probability": 0.0,
    "augment.vary_probability": 0.0,
    "split.protocol": "by_source",
    "train.paper_window": 256,
    "train.epochs": 12,
}
"""Parts recombined into 500 loops, and nothing else done to them, as the original did."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named run.

    Attributes:
        name: What `dvc exp show` calls it.
        data: The folder of MIDI files it learns, under the shared data.
        changes: Its parameters by dotted key, where they differ from `params.yaml`.
    """

    name: str
    data: str
    changes: Changes

    def apply(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of `params.yaml` with the changes made.

        Raises:
            KeyError: A change names a parameter that is not there.
        """
        changed = copy.deepcopy(dict(content))
        for key, value in self.changes.items():
            section, name = key.split(".")
            if name not in changed[section]:
                raise KeyError(key)
            changed[section][name] = value
        return changed

    def params(self, base: Path, folder: Path) -> Params:
        """All its parameters, checked; `folder` gets the file that is read.

        Raises:
            ParameterError: One is outside its range.
        """
        content = self.apply(yaml.safe_load(base.read_text(encoding="utf-8")))
        path = folder / f"{self.name}.yaml"
        write_text(path, yaml.safe_dump(content))
        return load_params(path)

    @property
    def arguments(self) -> list[str]:
        """The changes, as `dvc exp run` takes them."""
        pairs = (f"{key}={_as_text(value)}" for key, value in self.changes.items())
        return [word for pair in pairs for word in ("--set-param", pair)]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SONGS_DATA, _POOL_DATA = "metallica", "trap-loops/parts"


def _size(name: str, key: str, value: int) -> Experiment:
    changes = {**_POOL, "train.epochs": 8, f"train.paper_{key}": value}
    return Experiment(name, _POOL_DATA, changes)


PLAN: Final[Mapping[str, Experiment]] = MappingProxyType(
    {
        experiment.name: experiment
        for experiment in (
            Experiment("metallica", _SONGS_DATA, _SONGS),
            Experiment(
                "trap-random-windows", _POOL_DATA, {**_POOL, "split.protocol": "random_windows"}
            ),
            Experiment("trap-by-source", _POOL_DATA, _POOL),
            _size("layers-1", "layers", 1),
            _size("layers-3", "layers", 3),
            _size("units-128", "units", 128),
            _size("window-512", "window", 512),
            _size("window-1024", "window", 1024),
        )
    }
)
"""By name, in the order that they run in."""

"""The experiments: data, parameters that differ from `params.yaml`, and recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from experiments.recipe import Recipe

RECIPE_FILE: Final = "recipe.yaml"
"""Key of the recipe in the workspace's parameters, where DVC sets it."""

Changes = Mapping[str, object]

_TEXT: Final[Changes] = {
    "grid.steps_per_bar": 16,
    "corpus.starter": False,
    "split.test_share": 0.0,
    "audit.chance_replicates": 10,
    "audit.self_test_leaks": 10,
}
"""Changes of every experiment."""

_SMALL: Final = Recipe(layers=2, units=64, stride=8, batch_size=64, learning_rate=0.005)
"""Scaled down to 64 units; a smaller batch and a higher rate than the original's compensate for
fewer epochs."""

_SONGS: Final[Changes] = {
    **_TEXT,
    "standardize.meter": "ignore",
    "standardize.key_map": "paper",
    "standardize.by_name": False,
    "standardize.feel": "keep",
    **{f"augment.{side}_loops": 0 for side in ("train", "validation", "test")},
}
"""Whole songs, as in the paper: nothing is recombined."""

_POOL: Final[Changes] = {
    **_TEXT,
    "augment.train_loops": 400,
    "augment.validation_loops": 100,
    "augment.test_loops": 0,
    "augment.rotate_probability": 0.0,
    "augment.vary_probability": 0.0,
    "split.protocol": "by_source",
}
"""Parts recombined into 500 loops without further changes, as in the original."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named run.

    Attributes:
        name: Name in `dvc exp show`.
        data: Folder of its MIDI files, under the shared data.
        changes: Its parameters by dotted key, where they differ from `params.yaml`.
        recipe: Network and training.
    """

    name: str
    data: str
    changes: Changes
    recipe: Recipe

    @property
    def parameters(self) -> dict[str, Any]:
        """The changes and the recipe by dotted key."""
        recipe = {f"recipe.{name}": value for name, value in asdict(self.recipe).items()}
        return {**self.changes, **recipe}

    @property
    def arguments(self) -> list[str]:
        """All its settings, as arguments of `dvc exp run`."""
        recipe = {f"{RECIPE_FILE}:{name}": value for name, value in asdict(self.recipe).items()}
        pairs = (f"{key}={_as_text(value)}" for key, value in {**self.changes, **recipe}.items())
        return [word for pair in pairs for word in ("--set-param", pair)]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SONGS_DATA, _POOL_DATA = "metallica", "trap-loops/parts"


def _size(name: str, **sizes: int) -> Experiment:
    return Experiment(name, _POOL_DATA, _POOL, replace(_SMALL, epochs=8, **sizes))


PLAN: Final[Mapping[str, Experiment]] = MappingProxyType(
    {
        experiment.name: experiment
        for experiment in (
            Experiment("metallica", _SONGS_DATA, _SONGS, replace(_SMALL, window=128, epochs=24)),
            Experiment(
                "trap-random-windows",
                _POOL_DATA,
                {**_POOL, "split.protocol": "random_windows"},
                replace(_SMALL, epochs=12),
            ),
            Experiment("trap-by-source", _POOL_DATA, _POOL, replace(_SMALL, epochs=12)),
            _size("layers-1", layers=1),
            _size("layers-3", layers=3),
            _size("units-128", units=128),
            _size("window-512", window=512),
            _size("window-1024", window=1024),
        )
    }
)
"""Experiments by name, in running order."""

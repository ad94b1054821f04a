"""Shape of a humanizer: sizes, and the shape of every weight."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES
from trapgen.model.words.spec import MAX_UNITS, check_sizes

Array = NDArray[np.float32]

N_VELOCITIES: Final = 127
"""Number of velocity classes, from 1 to 127."""

N_OFFSETS: Final = 64
"""Number of offset classes: equal parts of a step from -0.5 to 0.5."""

N_RECALLS: Final = 8
"""Recalled hits per hit (see `trapgen.model.humanizer.playback_features`)."""

N_RECALL_FEATURES: Final = 4
"""Features of a recalled hit: whether it exists, its velocity, whether its offset is known, its
offset."""

N_LOOP_BARS: Final = 4
"""The bar in the loop is an input modulo this many bars."""

GAP_BARS: Final = (1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Upper ends, in bars, of the classes of the time to the voice's previous and next hit."""

N_ROLL_FACTS: Final = 3
_VELOCITY_WIDTHS: Final = (0.5, 2.0, 6.0, 16.0)
_OFFSET_WIDTHS: Final = (0.7, 3.0, 9.0)
_CONDITION_UNITS: Final = 8


def _bumps(n_classes: int, widths: tuple[float, ...]) -> Array:
    classes = np.arange(n_classes)
    table = np.zeros((n_classes + 1, len(widths), n_classes), np.float32)
    for at, width in enumerate(widths):
        table[1:, at] = np.exp(-0.5 * ((classes[:, None] - classes) / width) ** 2)
    return table


BUMPS: Final = {
    "velocity": _bumps(N_VELOCITIES, _VELOCITY_WIDTHS),
    "offset": _bumps(N_OFFSETS, _OFFSET_WIDTHS),
}
"""`(1 + n_classes, n_widths, n_classes)`: bells around a recalled class, from 1; zeros for 0."""


@dataclass(frozen=True, slots=True)
class HumanizerSpec:
    """Everything that defines a humanizer's shape; saved beside its weights.

    Attributes:
        units: Width of each of its two LSTMs.
        steps_per_bar: The grid.
        offsets: Whether it has learned microtiming.
        conditions: Condition vocabulary, as `style:funk`.

    Raises:
        ValueError: A value is invalid.
    """

    units: int
    steps_per_bar: int
    offsets: bool = False
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sizes(self, {"units": (1, MAX_UNITS)})
        if type(self.offsets) is not bool:
            raise ValueError(f"offsets must be true or false, not {self.offsets!r}")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> HumanizerSpec:
        """Read what `to_json` wrote.

        Raises:
            TypeError: A key is missing or unknown.
            ValueError: A value is invalid.
        """
        return cls(**{**content, "conditions": tuple(content.get("conditions", ()))})

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return dataclasses.asdict(self)

    @property
    def heads(self) -> tuple[str, ...]:
        """Predicted attributes of a hit."""
        return ("velocity", "offset") if self.offsets else ("velocity",)

    @property
    def n_features(self) -> int:
        """Number of features of a hit that derive from onsets."""
        place = self.steps_per_bar + N_LOOP_BARS
        return 4 * N_VOICES + place + 2 * (len(GAP_BARS) + 1) + N_ROLL_FACTS + 1


def weight_shapes(spec: HumanizerSpec) -> dict[str, tuple[int, ...]]:
    """The shape of every weight, by name, in saving order."""
    n_inputs = spec.n_features + spec.units + N_RECALLS * N_RECALL_FEATURES
    n_inputs += _CONDITION_UNITS if spec.conditions else 0
    shapes: dict[str, tuple[int, ...]] = {}
    for name, width in (("coming", spec.n_features), ("played", n_inputs)):
        shapes[f"{name}/kernel"] = (width, 4 * spec.units)
        shapes[f"{name}/recurrent_kernel"] = (spec.units, 4 * spec.units)
        shapes[f"{name}/bias"] = (4 * spec.units,)
    for name in spec.heads:
        _, n_widths, n_classes = BUMPS[name].shape
        shapes[f"{name}/kernel"] = (2 * spec.units, n_classes + N_RECALLS * n_widths)
        shapes[f"{name}/bias"] = shapes[f"{name}/kernel"][1:]
    if spec.conditions:
        shapes["conditions/embeddings"] = (1 + len(spec.conditions), _CONDITION_UNITS)
    return shapes

"""Shape of a network: sizes, inputs at a step, and the shape of every weight."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    BAR,
    N_TARGETS,
    N_VOICES,
    N_WORDS,
    PAD,
    START,
    STEPS_PER_BAR,
    Codec,
    TrainParams,
    to_onsets,
)

Array = NDArray[np.float32]
Tokens = NDArray[np.int64]

N_TOKENS: Final = PAD + 1
N_TOKEN_FEATURES: Final = N_VOICES + 2
"""Features of a token: its voices, whether it is BAR, whether it is before the start."""

N_LOOP_BARS: Final = 4
"""The bar in the loop is an input modulo this many bars."""

N_LAG_SIMILARITIES: Final = 9
"""Lag similarities per lag: three groups of voices, each over three spans."""

N_BEAT_LAGS: Final = 2
"""Lags shorter than a bar: one beat and half a bar."""

N_CONDITIONS: Final = 4
"""Condition slots: style, sub-style, tempo band, beat or fill."""


def _token_table() -> Array:
    table = np.zeros((N_TOKENS, N_TOKEN_FEATURES), np.float32)
    table[:N_WORDS, :N_VOICES] = to_onsets(np.arange(N_WORDS))
    table[BAR, N_VOICES] = 1
    table[[START, PAD], N_VOICES + 1] = 1
    return table


TOKEN_TABLE: Final = _token_table()
"""`(N_TOKENS, N_TOKEN_FEATURES)` float32."""

VOICES_OF_TARGET: Final = np.ascontiguousarray(TOKEN_TABLE[:N_TARGETS, : N_VOICES + 1].T)
"""`(10, N_TARGETS)`: maps a logit per voice, and one for BAR, to logits of the targets."""

MAX_UNITS: Final = 8192
"""Largest width of an LSTM, as of `train.units`."""

_SIZES: Final[Mapping[str, tuple[int, int]]] = {
    "layers": (1, 16),
    "units": (1, MAX_UNITS),
    "lookback_bars": (0, 64),
    "recall_bars": (0, 64),
    "heads": (1, 64),
    "match_units": (1, 1024),
}
"""Smallest and largest sizes: what `trapgen.core.TrainParams` allows, and room beyond."""

_MAX_CONDITIONS: Final = 10_000
_HEADS: Final = 6
_MATCH_UNITS: Final = 16
_CONDITION_UNITS: Final = 24
_ARCHITECTURE: Final = "recall"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that defines the network's shape; saved beside its weights.

    Attributes:
        layers: Stacked LSTMs.
        units: Width of each LSTM.
        dropout: Dropout rate of their outputs.
        lookback_bars: Number of earlier bars whose word at the same step is an input of its own.
        steps_per_bar: The grid.
        recall_bars: Number of earlier bars that recall searches for a similar context.
        heads: Number of attention heads of recall.
        match_units: Width of the layer that compares two positions.
        conditions: Condition vocabulary, as `style:funk`.

    Raises:
        ValueError: A value has another type, or is out of range.
    """

    layers: int
    units: int
    dropout: float
    lookback_bars: int
    steps_per_bar: int
    recall_bars: int
    heads: int
    match_units: int
    conditions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sizes(self, _SIZES)
        if self.recall_bars < self.lookback_bars:
            raise ValueError(f"recall_bars must be from {self.lookback_bars}, as lookback_bars is")
        if type(self.dropout) not in (float, int) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be a number from 0 to below 1, not {self.dropout!r}")

    @classmethod
    def of(cls, params: TrainParams, codec: Codec, conditions: tuple[str, ...] = ()) -> ModelSpec:
        """The network that the parameters specify."""
        return cls(
            params.layers,
            params.units,
            params.dropout,
            params.lookback_bars,
            codec.steps_per_bar,
            recall_bars=max(params.recall_bars, params.lookback_bars),
            heads=_HEADS,
            match_units=_MATCH_UNITS,
            conditions=conditions,
        )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelSpec:
        """Read what `to_json` wrote.

        Raises:
            TypeError: A key is missing or unknown.
            ValueError: It describes another architecture, as of an earlier version.
        """
        values = dict(content)
        # Files of earlier versions name the architecture.
        architecture = values.pop("architecture", _ARCHITECTURE)
        if architecture != _ARCHITECTURE:
            raise ValueError(f"architecture {architecture}, where {_ARCHITECTURE} alone is known")
        return cls(**{**values, "conditions": tuple(values.get("conditions", ()))})

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return dataclasses.asdict(self)

    @property
    def codec(self) -> Codec:
        """Meaning of the tokens."""
        return Codec(self.steps_per_bar)

    @property
    def n_lags(self) -> int:
        """Number of lags whose words are inputs."""
        return N_BEAT_LAGS + self.recall_bars

    @property
    def n_lookback_lags(self) -> int:
        """Number of first lags whose lag similarities are inputs of their own."""
        return N_BEAT_LAGS + self.lookback_bars

    @property
    def n_recalled(self) -> int:
        """Width of the recall features: expected voices of each head, and its weight on none."""
        return self.heads * (N_VOICES + 1)

    @property
    def n_skipped(self) -> int:
        """Width of the features skipped to the voices' layer."""
        return self.codec.bar_length + N_TOKEN_FEATURES * self.n_lookback_lags + self.n_recalled

    @property
    def n_features(self) -> int:
        """Width of what the first LSTM reads."""
        place = self.codec.bar_length + N_LOOP_BARS
        values = (
            N_TOKEN_FEATURES * (1 + self.n_lookback_lags)
            + N_LAG_SIMILARITIES * self.n_lookback_lags
        )
        return values + place + self.n_recalled + (_CONDITION_UNITS if self.conditions else 0)


def check_sizes(spec: Any, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Check what both networks' specs have: sizes, the grid, the condition vocabulary.

    Args:
        spec: The spec.
        sizes: Smallest and largest value of whole numbers, by attribute.

    Raises:
        ValueError: A value has another type, or is out of range.
    """
    for name, (low, high) in sizes.items():
        value = getattr(spec, name)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    if type(spec.steps_per_bar) is not int or spec.steps_per_bar not in STEPS_PER_BAR:
        raise ValueError(f"steps_per_bar must be in {STEPS_PER_BAR}, not {spec.steps_per_bar!r}")
    names = spec.conditions
    if len(names) > _MAX_CONDITIONS or not all(isinstance(name, str) for name in names):
        raise ValueError(f"conditions must be at most {_MAX_CONDITIONS:,} texts")


def weight_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """The shape of every weight, by name, in saving order."""
    shapes: dict[str, tuple[int, ...]] = {}
    width = spec.n_features
    for layer in range(spec.layers):
        shapes[f"lstm_{layer}/kernel"] = (width, 4 * spec.units)
        shapes[f"lstm_{layer}/recurrent_kernel"] = (spec.units, 4 * spec.units)
        shapes[f"lstm_{layer}/bias"] = (4 * spec.units,)
        width = spec.units
    dense = {
        "words": (width, N_TARGETS),
        "voices": (width + spec.n_skipped, len(VOICES_OF_TARGET)),
        "match": (N_LAG_SIMILARITIES + spec.n_lags + 1, spec.match_units),
        "heads": (spec.match_units, spec.heads + 1),
        "query": (width, spec.match_units),
        "copy": (width, 1),
    }
    for name, shape in dense.items():
        shapes[f"{name}/kernel"] = shape
        shapes[f"{name}/bias"] = shape[1:]
    if spec.conditions:
        shapes["conditions/embeddings"] = (1 + len(spec.conditions), _CONDITION_UNITS)
    return shapes

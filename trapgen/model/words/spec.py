"""What shapes a network: its sizes, what it is told at a step, the shape of every weight."""

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
    Codec,
    TrainParams,
    to_onsets,
)

Array = NDArray[np.float32]
Tokens = NDArray[np.int64]

N_TOKENS: Final = PAD + 1
N_TOKEN_FEATURES: Final = N_VOICES + 2
"""What is told of a token: its voices, whether it is BAR, whether it is nothing yet."""

N_LOOP_BARS: Final = 4
"""The place in the loop is told modulo this many bars."""

N_LAG_SIMILARITIES: Final = 9
"""How well two places agree: three groups of voices, each over three spans."""

N_BEAT_LAGS: Final = 2
"""Before the lags of whole bars stand one beat and half a bar."""

N_CONDITIONS: Final = 4
"""Conditions a loop may have at once: style, sub-style, tempo band, beat or fill."""


def _token_table() -> Array:
    table = np.zeros((N_TOKENS, N_TOKEN_FEATURES), np.float32)
    table[:N_WORDS, :N_VOICES] = to_onsets(np.arange(N_WORDS))
    table[BAR, N_VOICES] = 1
    table[[START, PAD], N_VOICES + 1] = 1
    return table


TOKEN_TABLE: Final = _token_table()
"""`(N_TOKENS, N_TOKEN_FEATURES)` float32."""

VOICES_OF_TARGET: Final = np.ascontiguousarray(TOKEN_TABLE[:N_TARGETS, : N_VOICES + 1].T)
"""`(10, N_TARGETS)`: spreads a score a voice, and one for BAR, over the targets."""

_HEADS: Final = 6
_MATCH_UNITS: Final = 16
_CONDITION_UNITS: Final = 24
_ARCHITECTURE: Final = "recall"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that shapes the network; saved beside its weights.

    Attributes:
        layers: LSTMs, one on the other.
        units: Of each.
        dropout: Share of their outputs that a training step leaves out.
        lookback_bars: How many bars back the words of the same step are told one by one.
        steps_per_bar: The grid.
        recall_bars: How many bars back it looks for a place that went like this one.
        heads: Recollections that it tells the LSTMs at once.
        match_units: Width of the layer that judges how alike two places are.
        conditions: Names of what may be told of a whole loop, as `style:funk`.
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

    @classmethod
    def of(cls, params: TrainParams, codec: Codec, conditions: tuple[str, ...] = ()) -> ModelSpec:
        """The network that the parameters ask for."""
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
            ValueError: It describes a network of another architecture, as earlier versions had.
        """
        values = dict(content)
        # Files of earlier versions name it.
        architecture = values.pop("architecture", _ARCHITECTURE)
        if architecture != _ARCHITECTURE:
            raise ValueError(f"architecture {architecture}, where {_ARCHITECTURE} alone is known")
        return cls(**{**values, "conditions": tuple(values.get("conditions", ()))})

    def to_json(self) -> dict[str, Any]:
        """All attributes."""
        return dataclasses.asdict(self)

    @property
    def codec(self) -> Codec:
        """What the tokens mean."""
        return Codec(self.steps_per_bar)

    @property
    def n_lags(self) -> int:
        """Places back in time whose words are told."""
        return N_BEAT_LAGS + self.recall_bars

    @property
    def n_lookback_lags(self) -> int:
        """The first of them, of which the agreements are told one by one."""
        return N_BEAT_LAGS + self.lookback_bars

    @property
    def n_recalled(self) -> int:
        """Width of what the heads tell: voices expected, and how much nothing is like this."""
        return self.heads * (N_VOICES + 1)

    @property
    def n_skipped(self) -> int:
        """Width of what reaches the scores of the voices past the LSTMs."""
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


def weight_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """The shape of every weight, by name, in the order that they are saved in."""
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

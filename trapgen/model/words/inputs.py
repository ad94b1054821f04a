"""Inputs of the network for predicting a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, PAD, START
from trapgen.model.words.spec import (
    N_CONDITIONS,
    N_LOOP_BARS,
    N_TOKEN_FEATURES,
    TOKEN_TABLE,
    Array,
    ModelSpec,
    Tokens,
)

Halves = NDArray[np.float16]

_GROUPS: Final = ((0, 1), (2, 3, 7, 8), (4, 5, 6))
"""Voice groups: kick and snare; hats and cymbals; toms."""

_UNKNOWN: Final = np.array([0.35, 0.45, 0.15], np.float32)
"""Difference assigned to positions before the loop: about the mean between two steps of Groove."""

_SPANS_BARS: Final = (0.125, 0.5, 2.0)
"""Time constants of the exponential means of differences."""


def _group_table() -> Array:
    table = np.zeros((N_TOKEN_FEATURES, len(_GROUPS)), np.float32)
    for group, voices in enumerate(_GROUPS):
        table[list(voices), group] = 1
    return table


_GROUP_TABLE: Final = _group_table()


@dataclass(frozen=True)
class Inputs:
    """Inputs of the network for predicting each target.

    Attributes:
        previous: `(n_loops, n_tokens)` previous token.
        position: `(n_loops, n_tokens)` step in the bar; `steps_per_bar` where BAR is due.
        bar: `(n_loops, n_tokens)` bar in the loop, modulo `N_LOOP_BARS`.
        lookback: `(n_loops, n_tokens, n_lags)` tokens a beat, half a bar, and one, two … bars ago;
            PAD before the loop's start.
        lag_similarity: `(n_loops, n_tokens, n_lags, 9)` differences between the preceding tokens
            and those before each lagged position (see `LagSimilarity`).
        condition: `(n_loops, n_tokens, 4)` numbers of the spec's conditions of the loop,
            from 1; 0 where unknown.
    """

    previous: Tokens
    position: Tokens
    bar: Tokens
    lookback: Tokens
    lag_similarity: Halves
    condition: Tokens


class LagSimilarity:
    """Lag similarity: how alike the recent tokens are to those some lags ago.

    The difference of two tokens is the number of voices that sound in exactly one, counted
    separately for kick and snare, for hats and cymbals, and for toms. Exponential means over about
    an eighth of a bar, half a bar and two bars are updated token by token, so sampling computes
    the same values as training.

    Attributes:
        value: `(n_loops, n_lags, 9)` float32, by span and then by group.
    """

    def __init__(self, spec: ModelSpec, n_loops: int) -> None:
        self.spec = spec
        spans = np.array(_SPANS_BARS, np.float32) * spec.steps_per_bar
        self._keep = np.repeat(1 - 1 / spans, len(_GROUPS)).astype(np.float32)
        self.value: Array = np.tile(_UNKNOWN, (n_loops, spec.n_lags, len(_SPANS_BARS)))

    def update(self, token: Tokens, lookback: Tokens) -> None:
        """Update with one token of each loop and its lagged tokens; BAR changes nothing.

        Args:
            token: `(n_loops,)`.
            lookback: `(n_loops, n_lags)`, the lookback input at that token.
        """
        spread = np.tile(_differ(token, lookback), len(_SPANS_BARS))
        updated = self._keep * self.value + (1 - self._keep) * spread
        self.value = np.where((token == BAR)[:, None, None], self.value, updated)


def _differ(tokens: Tokens, lookback: Tokens) -> Array:
    """`(n_loops, n_lags, 3)` voices of each group that sound in exactly one of two tokens."""
    voices = np.abs(TOKEN_TABLE[tokens][:, None] - TOKEN_TABLE[lookback])
    found: Array = np.where((lookback == PAD)[..., None], _UNKNOWN, voices @ _GROUP_TABLE)
    return found


def make_inputs(tokens: Tokens, spec: ModelSpec, condition: Tokens | None = None) -> Inputs:
    """Inputs for predicting every token of loops in whole bars.

    Args:
        tokens: `(n_loops, n_tokens)` words and BARs, padded with PAD at the end.
        spec: The network.
        condition: `(n_loops, 4)` numbers of the loops' conditions; by default unknown.
    """
    steps = list(iterate_inputs(tokens, spec, condition))
    fields = zip(*(vars(step).values() for step in steps), strict=True)
    return Inputs(*(np.concatenate(values, axis=1) for values in fields))


def iterate_inputs(
    tokens: Tokens, spec: ModelSpec, condition: Tokens | None = None
) -> Iterator[Inputs]:
    """The inputs of `make_inputs`, one token at a time: `(n_loops, 1)`, and so on."""
    n_loops, n_tokens = tokens.shape
    lag_similarity = LagSimilarity(spec, n_loops)
    length = spec.codec.bar_length
    for at in range(n_tokens):
        place = np.full(n_loops, at)
        inputs = make_step_inputs(
            tokens, at, place % length, place // length, lag_similarity, condition
        )
        yield inputs
        lag_similarity.update(tokens[:, at], inputs.lookback[:, 0])


def make_step_inputs(
    tokens: Tokens,
    at: int,
    position: Tokens,
    bar: Tokens,
    lag_similarity: LagSimilarity,
    condition: Tokens | None = None,
) -> Inputs:
    """Inputs for predicting the token at one position.

    Args:
        tokens: `(n_loops, n_tokens)`; those from `at` on are ignored.
        at: Index of the token.
        position: `(n_loops,)` its step in the bar.
        bar: `(n_loops,)` number of bars before it.
        lag_similarity: Lag similarity of the tokens before it.
        condition: `(n_loops, 4)` numbers of the loops' conditions; by default unknown.
    """
    spec, n_loops = lag_similarity.spec, len(tokens)
    before = np.full(n_loops, START) if at == 0 else tokens[:, at - 1]
    if condition is None:
        condition = np.zeros((n_loops, N_CONDITIONS), np.int64)
    return Inputs(
        previous=before[:, None],
        position=position[:, None],
        bar=(bar % N_LOOP_BARS)[:, None],
        lookback=_look_back(tokens, at, position, spec)[:, None],
        lag_similarity=lag_similarity.value.astype(np.float16)[:, None],
        condition=condition[:, None],
    )


def _look_back(tokens: Tokens, at: int, position: Tokens, spec: ModelSpec) -> Tokens:
    """`(n_loops, n_lags)` lagged tokens; PAD before the start."""
    place = at - _tokens_back(position, spec)
    found: Tokens = np.take_along_axis(tokens, np.maximum(place, 0), axis=1)
    return np.where(place < 0, PAD, found)


def _tokens_back(position: Tokens, spec: ModelSpec) -> Tokens:
    """`(n_loops, n_lags)` lags in tokens."""
    length = spec.codec.bar_length
    bars = np.arange(1, spec.recall_bars + 1) * length
    whole = np.broadcast_to(bars, (len(position), len(bars)))
    parts = np.array([spec.steps_per_bar // 4, spec.steps_per_bar // 2])
    # A lag across a bar line includes one BAR more; where BAR is due, the lagged token is BAR.
    beats = parts + (position[:, None] < parts)
    beats = np.where(position[:, None] == spec.steps_per_bar, length, beats)
    return np.concatenate([beats, whole], axis=1)

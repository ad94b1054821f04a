"""What the network is told before it predicts a token."""

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
"""Kick and snare; hats and cymbals; toms."""

_UNKNOWN: Final = np.array([0.35, 0.45, 0.15], np.float32)
"""What a place without a past counts as: about the mean difference of two steps of Groove."""

_SPANS_BARS: Final = (0.125, 0.5, 2.0)
"""Differences are averaged over about so much, the older the less."""


def _group_table() -> Array:
    table = np.zeros((N_TOKEN_FEATURES, len(_GROUPS)), np.float32)
    for group, voices in enumerate(_GROUPS):
        table[list(voices), group] = 1
    return table


_GROUP_TABLE: Final = _group_table()


@dataclass(frozen=True)
class Inputs:
    """What the network is told before it predicts each target.

    Attributes:
        previous: `(n_loops, n_tokens)` the token before.
        position: `(n_loops, n_tokens)` place in the bar, `steps_per_bar` where BAR is due.
        bar: `(n_loops, n_tokens)` place in the loop, in bars, modulo `N_LOOP_BARS`.
        lookback: `(n_loops, n_tokens, n_lags)` tokens a beat, half a bar, and one, two … bars ago;
            PAD before the loop's start.
        lag_similarity: `(n_loops, n_tokens, n_lags, 9)` how the tokens before differed from those
            before each place looked back to (see `LagSimilarity`).
        condition: `(n_loops, n_tokens, 4)` numbers of the spec's conditions that the loop has,
            from 1; 0 where unknown.
    """

    previous: Tokens
    position: Tokens
    bar: Tokens
    lookback: Tokens
    lag_similarity: Halves
    condition: Tokens


class LagSimilarity:
    """How like the last tokens were to those before each place looked back to.

    The difference of two tokens is the number of voices that sound in one alone, counted for kick
    and snare, for hats and cymbals, and for toms. Kept are its exponential means over about an
    eighth of a bar, half a bar and two bars. Carried from token to token: sampling does what
    training did.

    Attributes:
        value: `(n_loops, n_lags, 9)` float32, by span and then by group.
    """

    def __init__(self, spec: ModelSpec, n_loops: int) -> None:
        self.spec = spec
        spans = np.array(_SPANS_BARS, np.float32) * spec.steps_per_bar
        self._keep = np.repeat(1 - 1 / spans, len(_GROUPS)).astype(np.float32)
        self.value: Array = np.tile(_UNKNOWN, (n_loops, spec.n_lags, len(_SPANS_BARS)))

    def update(self, token: Tokens, lookback: Tokens) -> None:
        """Take in a token of each loop, and the tokens looked back to; BAR changes nothing.

        Args:
            token: `(n_loops,)`.
            lookback: `(n_loops, n_lags)`, as told before that token.
        """
        spread = np.tile(_differ(token, lookback), len(_SPANS_BARS))
        heard = self._keep * self.value + (1 - self._keep) * spread
        self.value = np.where((token == BAR)[:, None, None], self.value, heard)


def _differ(tokens: Tokens, lookback: Tokens) -> Array:
    """`(n_loops, n_lags, 3)` voices of each group that sound in one of two tokens alone."""
    voices = np.abs(TOKEN_TABLE[tokens][:, None] - TOKEN_TABLE[lookback])
    found: Array = np.where((lookback == PAD)[..., None], _UNKNOWN, voices @ _GROUP_TABLE)
    return found


def make_inputs(tokens: Tokens, spec: ModelSpec, condition: Tokens | None = None) -> Inputs:
    """Inputs for predicting every token of loops in whole bars.

    Args:
        tokens: `(n_loops, n_tokens)` words and BARs, padded with PAD behind.
        spec: The network.
        condition: `(n_loops, 4)` numbers of the loops' conditions; by default unknown.
    """
    steps = list(iterate_inputs(tokens, spec, condition))
    fields = zip(*(vars(step).values() for step in steps), strict=True)
    return Inputs(*(np.concatenate(values, axis=1) for values in fields))


def iterate_inputs(
    tokens: Tokens, spec: ModelSpec, condition: Tokens | None = None
) -> Iterator[Inputs]:
    """What `make_inputs` makes, a token at a time: `(n_loops, 1)`, and so on."""
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
    """Inputs for predicting the token at one place.

    Args:
        tokens: `(n_loops, n_tokens)`; those from `at` on do not count.
        at: The place.
        position: `(n_loops,)` where in the bar that is.
        bar: `(n_loops,)` bars before it.
        lag_similarity: Of the tokens before.
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
    """`(n_loops, n_lags)` the tokens to look back to; PAD before the start."""
    place = at - _tokens_back(position, spec)
    found: Tokens = np.take_along_axis(tokens, np.maximum(place, 0), axis=1)
    return np.where(place < 0, PAD, found)


def _tokens_back(position: Tokens, spec: ModelSpec) -> Tokens:
    """`(n_loops, n_lags)` how many tokens ago."""
    length = spec.codec.bar_length
    bars = np.arange(1, spec.recall_bars + 1) * length
    whole = np.broadcast_to(bars, (len(position), len(bars)))
    parts = np.array([spec.steps_per_bar // 4, spec.steps_per_bar // 2])
    # Over a bar line there is a BAR more; where BAR is due, BAR is what to look back to.
    beats = parts + (position[:, None] < parts)
    beats = np.where(position[:, None] == spec.steps_per_bar, length, beats)
    return np.concatenate([beats, whole], axis=1)

"""New loops out of a network: many at once, one step of work a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.codec import BAR, N_WORDS, PAD, add_bars, to_onsets
from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop, Lineage
from trapgen.model import N_LOOP_BARS, Array, Inputs, Network, Tokens, first_token, log_softmax
from trapgen.params import SampleParams
from trapgen.velocity import VelocityProfile

_BLOCK: Final = 32
"""Loops go through the network in blocks of this many rows, the last one filled up.

Matrix products round differently at other sizes; so a loop does not depend on its company.
"""

_PATIENCE: Final = 2
"""How many times the wanted length a model may write before a loop without BAR is cut off."""


@dataclass(frozen=True)
class Draft:
    """What the model wrote for one loop.

    Attributes:
        words: `(n_bars * steps_per_bar,)` words, every bar brought to its full length.
        bar_lengths: Steps that the model itself gave each bar before it wrote BAR, or before it
            was cut off.
    """

    words: NDArray[np.int64]
    bar_lengths: tuple[int, ...]


def sample_words(
    network: Network,
    params: SampleParams,
    seed: int,
    primer: NDArray[np.int64] | None = None,
) -> list[Draft]:
    """Draw loops from the network.

    With `structure` `enforced`, BAR is the only choice where a bar ends and none before; with
    `learned` the model is free, and a bar of another length is cut, or filled with silence.

    Args:
        network: The trained network.
        params: How many loops of how many bars, temperature, top-p, structure.
        seed: Decides the draws; loop `i` is the same whatever the number of loops.
        primer: `(n_steps,)` words of whole bars that the loops go on from; not part of them.

    Raises:
        ParameterError: The primer is not in whole bars of the network's grid.
    """
    steps_per_bar = network.spec.steps_per_bar
    if primer is not None and (not len(primer) or len(primer) % steps_per_bar):
        raise ParameterError("primer", f"whole bars of {steps_per_bar} steps", len(primer))
    drafts: list[Draft] = []
    for start in range(0, params.loops, _BLOCK):
        generators = [np.random.default_rng([seed, start + row]) for row in range(_BLOCK)]
        written = _sample_block(network, params, generators, primer)
        drafts += [_to_draft(row, params.bars, steps_per_bar) for row in written]
    return drafts[: params.loops]


def _sample_block(
    network: Network,
    params: SampleParams,
    generators: Sequence[np.random.Generator],
    primer: NDArray[np.int64] | None,
) -> Tokens:
    """`(_BLOCK, n_tokens)` what the network wrote, PAD after the last bar wanted."""
    steps_per_bar, length = network.spec.steps_per_bar, network.spec.codec.bar_length
    before = np.zeros(0, np.int64) if primer is None else add_bars(primer, steps_per_bar)
    is_enforced = params.structure == "enforced"
    n_new = params.bars * length * (1 if is_enforced else _PATIENCE)
    n_loops = len(generators)
    tokens = np.full((n_loops, len(before) + n_new), PAD, np.int64)
    tokens[:, : len(before)] = before
    chances = np.stack([rng.random(n_new) for rng in generators])
    position, bar = np.zeros(n_loops, np.int64), np.zeros(n_loops, np.int64)
    n_bars_primed = len(before) // length
    state = network.start(n_loops)
    for at in range(tokens.shape[1]):
        inputs = _inputs_at(tokens, at, position, bar, network)
        scores, state = network.step(inputs, state)
        if at >= len(before):
            if is_enforced:
                due = position == steps_per_bar
                scores[due, :BAR] = -np.inf
                scores[~due, BAR] = -np.inf
            chosen = choose(scores, params, chances[:, at - len(before)])
            tokens[:, at] = np.where(bar < n_bars_primed + params.bars, chosen, PAD)
        is_bar = tokens[:, at] == BAR
        position = np.where(is_bar, 0, np.minimum(position + 1, steps_per_bar))
        bar += is_bar
        if (bar >= n_bars_primed + params.bars).all():
            break
    return tokens[:, len(before) :]


def _inputs_at(tokens: Tokens, at: int, position: Tokens, bar: Tokens, network: Network) -> Inputs:
    start = np.full(len(tokens), first_token(network.spec), np.int64)
    ago = [at - (k + 1) * network.spec.codec.bar_length for k in range(network.spec.lookback_bars)]
    columns = [tokens[:, a] if a >= 0 else np.full(len(tokens), PAD, np.int64) for a in ago]
    lookback = np.stack(columns, axis=1) if columns else np.zeros((len(tokens), 0), np.int64)
    return Inputs(
        previous=(tokens[:, at - 1] if at else start)[:, None],
        position=position[:, None],
        bar=(bar % N_LOOP_BARS)[:, None],
        lookback=lookback[:, None],
    )


def choose(scores: Array, params: SampleParams, chances: NDArray[np.float64]) -> Tokens:
    """Draw a token a row, after temperature and top-p (Holtzman et al. 2020, arXiv 1904.09751).

    Args:
        scores: `(n_loops, n_targets)` log-probabilities up to a constant.
        params: `temperature` divides the scores; of the likeliest tokens only those are kept that
            together reach `top_p`.
        chances: `(n_loops,)` from 0 up to 1, which place in the distribution to take.
    """
    # The likeliest token's score is 0 first: no temperature can make it overflow.
    from_best = scores - scores.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        logs = log_softmax((from_best / params.temperature).astype(np.float32))
    order = np.argsort(-logs, axis=1, kind="stable")
    sorted_p = np.exp(np.take_along_axis(logs, order, axis=1).astype(np.float64))
    reached = np.cumsum(sorted_p, axis=1)
    # The token that passes the line is still in.
    sorted_p[reached - sorted_p >= params.top_p] = 0
    reached = np.cumsum(sorted_p, axis=1)
    place = (reached <= chances[:, None] * reached[:, -1:]).sum(axis=1)
    place = np.minimum(place, (sorted_p > 0).sum(axis=1) - 1)
    chosen: Tokens = np.take_along_axis(order, place[:, None], axis=1)[:, 0]
    return chosen


def _to_draft(tokens: Tokens, n_bars: int, steps_per_bar: int) -> Draft:
    bars: list[list[int]] = [[]]
    for token in tokens[tokens != PAD].tolist():
        if token == BAR:
            bars.append([])
        else:
            bars[-1].append(token)
    bars = (bars + [[]] * n_bars)[:n_bars]
    words = np.zeros((n_bars, steps_per_bar), np.int64)
    for row, bar in zip(words, bars, strict=True):
        row[: len(bar)] = bar[:steps_per_bar]
    return Draft(words.ravel(), tuple(map(len, bars)))


def to_loops(
    drafts: Sequence[Draft],
    profile: VelocityProfile,
    params: SampleParams,
    steps_per_bar: int,
    seed: int,
) -> list[DrumLoop]:
    """Loops with velocities of what the model wrote, named by seed and number: `loop-0-01`."""
    loops = []
    for at, draft in enumerate(drafts):
        onsets = to_onsets(draft.words)
        rng = np.random.default_rng([seed, at, N_WORDS])
        loop = DrumLoop(profile.draw(onsets, steps_per_bar, rng), steps_per_bar, params.bpm)
        loops.append(replace(loop, lineage=Lineage(loop_id=f"loop-{seed}-{at + 1:02d}")))
    return loops

"""Token sampling from logits: temperature, top-k, top-p, min-p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, N_WORDS, SampleParams
from trapgen.model import Array, Tokens, log_softmax


def sample_tokens(
    logits: Array,
    params: SampleParams,
    chances: NDArray[np.float64],
    temperatures: Sequence[float] = (),
) -> Tokens:
    """Sample one token per row after temperature, top-k, top-p and min-p, in this order.

    Args:
        logits: `(n_loops, n_targets)` log-probabilities up to a constant; `-inf` is never drawn.
        params: `temperature` divides the logits. A token is kept if it is among the `top_k`
            likeliest (0 for all), among the likeliest that together reach `top_p` (Holtzman et al.
            2020, arXiv 1904.09751), and at least `min_p` times as likely as the likeliest (Nguyen
            et al. 2024, arXiv 2407.01082). The likeliest is always kept.
        chances: `(n_loops,)` quantiles from 0 to below 1, for inverse transform sampling.
        temperatures: One per voice, replacing `temperature` (see `temper_voices`); or empty.
    """
    if temperatures:
        logs = temper_voices(logits, temperatures, params.temperature)
    else:
        # The maximum is shifted to 0 first, so that no temperature overflows it.
        from_best = logits - logits.max(axis=1, keepdims=True)
        with np.errstate(over="ignore"):
            logs = log_softmax((from_best / params.temperature).astype(np.float32))
    order = _rank(logs)
    sorted_p = np.exp(np.take_along_axis(logs, order, axis=1).astype(np.float64))
    if params.top_k:
        sorted_p[:, params.top_k :] = 0
        sorted_p /= sorted_p.sum(axis=1, keepdims=True)
    reached = np.cumsum(sorted_p, axis=1)
    # The token that crosses the threshold is kept.
    sorted_p[reached - sorted_p >= params.top_p] = 0
    sorted_p[sorted_p < params.min_p * sorted_p[:, :1]] = 0
    reached = np.cumsum(sorted_p, axis=1)
    place = (reached <= chances[:, None] * reached[:, -1:]).sum(axis=1)
    place = np.minimum(place, (sorted_p > 0).sum(axis=1) - 1)
    chosen: Tokens = np.take_along_axis(order, place[:, None], axis=1)[:, 0]
    return chosen


def _rank(logs: Array) -> Tokens:
    """Tokens in descending order of likelihood; ties in ascending order of token.

    Equals a stable argsort and is four times as fast: numpy sorts integers with vector
    instructions, and the bits of non-negative floats sort as integers.
    """
    unlikely = np.maximum(-logs, np.float32(0)).view(np.uint32).astype(np.uint64)
    keys = (unlikely << np.uint64(16)) | np.arange(logs.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFF)).astype(np.int64)


def temper_voices(logits: Array, temperatures: Sequence[float], of_bar: float) -> Array:
    """Apply one temperature per voice, by the chain rule over the voices in the kit's order.

    A word's probability is that of its first voice's bit, times that of the second's given the
    first, and so on. Each conditional probability is raised to the power 1 / temperature of its
    voice and normalized again. With all temperatures 1 nothing changes. With one common
    temperature the result is close, but not equal, to tempering whole words.

    Args:
        logits: `(n_loops, N_TARGETS)` log-probabilities up to a constant a row.
        temperatures: One per voice, above 0.
        of_bar: Temperature of the choice between BAR and any word.

    Returns:
        `(n_loops, N_TARGETS)` log-probabilities.
    """
    likely = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64))
    # sums[k]: probability of each setting of the first k voices.
    sums = [likely[:, :N_WORDS]]
    for _ in range(N_VOICES):
        sums.append(sums[-1].reshape(len(logits), -1, 2).sum(axis=2))
    sums.reverse()
    first = _temper(np.stack([sums[0][:, 0], likely[:, N_WORDS]], axis=1), of_bar)
    tempered = first[:, :1]
    for level, temperature in zip(sums[1:], temperatures, strict=True):
        bit = _temper(level.reshape(len(logits), -1, 2), temperature)
        tempered = (tempered[..., None] * bit).reshape(len(logits), -1)
    with np.errstate(divide="ignore"):
        logs = np.log(np.concatenate([tempered, first[:, 1:]], axis=1))
    result: Array = logs.astype(np.float32)
    return result


def _temper(weights: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Tempered probabilities over the last axis; all 0 where the input is all 0."""
    best = weights.max(axis=-1, keepdims=True)
    # The maximum is scaled to 1 first, so that no temperature underflows all of them.
    shares = np.divide(weights, best, out=np.zeros_like(weights), where=best > 0)
    if temperature != 1:
        shares **= 1 / temperature
    total = shares.sum(axis=-1, keepdims=True)
    result: NDArray[np.float64] = np.divide(shares, total, out=shares, where=total > 0)
    return result

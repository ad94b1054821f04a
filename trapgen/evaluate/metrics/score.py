"""Likelihood and calibration of a network on loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_VOICES, N_WORDS, PAD, ParameterError, add_bars, map_blocks
from trapgen.evaluate.metrics.calibration import Reliability
from trapgen.generate import DecodedLoop
from trapgen.model import TOKEN_TABLE, Network, iterate_inputs, log_softmax

_SCORED_AT_ONCE: Final = 64

Words = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of a network on loops.

    Attributes:
        bits: `(n_loops,)` bits of each loop, without BAR.
        n_steps: `(n_loops,)` number of steps.
        voices: `(9,)` reliability of each voice's onset probability.
        top_word: Reliability of the likeliest word's probability.
    """

    bits: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    voices: tuple[Reliability, ...]
    top_word: Reliability


def score_loops(
    network: Network, loops: Sequence[Words], conditions: Words | None = None
) -> Scores:
    """Compute a network's likelihood and reliability on loops, in one pass.

    Args:
        network: The trained network.
        loops: Words of each loop, `(n_steps,)`, in whole bars of the network's grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no loops, or one is not in whole bars.
    """
    batches = _make_batches(network, loops, conditions)
    parts = list(map_blocks(lambda batch: _score_batch(network, batch), batches))
    bits = np.zeros(len(loops))
    for batch, part in zip(batches, parts, strict=True):
        bits[batch.chosen] = part.bits
    n_steps = np.array([len(words) for words in loops], np.int64)
    voices = zip(*(part.voices for part in parts), strict=True)
    return Scores(
        bits,
        n_steps,
        tuple(sum(of_voice, Reliability()) for of_voice in voices),
        sum((part.top_word for part in parts), Reliability()),
    )


def model_bits(network: Network, loops: Sequence[Words], conditions: Words | None = None) -> float:
    """Bits per step of a network on loops: mean -log2 p(word), without BAR and padding.

    Args:
        network: The trained network.
        loops: Words of each loop, `(n_steps,)`, in whole bars of the network's grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no loops, or one is not in whole bars.
    """

    def sum_logs(batch: _Batch) -> float:
        found = network.log_probabilities(batch.tokens, batch.conditions)
        return float(found[batch.tokens < BAR].sum(dtype=np.float64))

    batches = _make_batches(network, loops, conditions)
    n_steps = sum(map(len, loops))
    return -sum(map_blocks(sum_logs, batches)) / n_steps / float(np.log(2))


def model_bits_by_loop(
    network: Network, loops: Sequence[Words], conditions: Words | None = None
) -> NDArray[np.float64]:
    """Bits of each loop under a network, `(n_loops,)`; the arguments are those of `model_bits`.

    Raises:
        ParameterError: There are no loops, or one is not in whole bars.
    """

    def sum_logs(batch: _Batch) -> NDArray[np.float64]:
        found = network.log_probabilities(batch.tokens, batch.conditions)
        sums: NDArray[np.float64] = np.where(batch.tokens < BAR, found, 0).sum(1, dtype=np.float64)
        return sums

    batches = _make_batches(network, loops, conditions)
    bits = np.zeros(len(loops))
    for batch, sums in zip(batches, map_blocks(sum_logs, batches), strict=True):
        bits[batch.chosen] = -sums / np.log(2)
    return bits


class _Batch(NamedTuple):
    """Loops of similar lengths, to keep padding short."""

    chosen: Words
    tokens: Words
    conditions: Words | None


def _make_batches(
    network: Network, loops: Sequence[Words], conditions: Words | None
) -> list[_Batch]:
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    steps_per_bar = network.spec.steps_per_bar
    for words in loops:
        if len(words) % steps_per_bar:
            raise ParameterError("loop", f"whole bars of {steps_per_bar} steps", len(words))
    order = np.argsort([len(words) for words in loops], kind="stable")
    batches = []
    for start in range(0, len(order), _SCORED_AT_ONCE):
        chosen = order[start : start + _SCORED_AT_ONCE]
        part = [add_bars(loops[at], steps_per_bar) for at in chosen]
        tokens = np.full((len(part), max(map(len, part))), PAD, np.int64)
        for row, written in zip(tokens, part, strict=True):
            row[: len(written)] = written
        known = None if conditions is None else conditions[chosen]
        batches.append(_Batch(chosen, tokens, known))
    return batches


def _score_batch(network: Network, batch: _Batch) -> Scores:
    tokens = batch.tokens
    bits, n_steps = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
    voices, top_word = [Reliability()] * N_VOICES, Reliability()
    state = network.start(len(tokens))
    for at, inputs in enumerate(iterate_inputs(tokens, network.spec, batch.conditions)):
        scores, state = network.step(inputs, state)
        is_word = tokens[:, at] < BAR
        target = tokens[is_word, at]
        logs = log_softmax(scores[is_word])
        bits[is_word] -= logs[np.arange(len(target)), target] / np.log(2)
        n_steps += is_word
        shares = np.exp(logs[:, :N_WORDS])
        top_word += Reliability.of(shares.max(axis=1), shares.argmax(axis=1) == target)
        expected = shares @ TOKEN_TABLE[:N_WORDS, :N_VOICES]
        sounding = TOKEN_TABLE[target, :N_VOICES] > 0
        for voice in range(N_VOICES):
            voices[voice] += Reliability.of(expected[:, voice], sounding[:, voice])
    return Scores(bits, n_steps, tuple(voices), top_word)


def bar_accuracy(decoded_loops: Sequence[DecodedLoop], steps_per_bar: int) -> float:
    """Share of bars that a model closed at the right step without the grammar."""
    lengths = [length for decoded in decoded_loops for length in decoded.bar_lengths]
    return float(np.mean(np.array(lengths) == steps_per_bar)) if lengths else 0.0

"""The humanizer in plain numpy: loops get their velocities and microtiming without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.humanize.hits import Hits, Indices, Performance, find_hits, pad_rows, recall, tell
from trapgen.humanize.spec import (
    BUMPS,
    N_OFFSETS,
    N_RECALLS,
    N_VELOCITIES,
    Array,
    HumanizerSpec,
    weight_shapes,
)
from trapgen.model import N_CONDITIONS, Tokens, check_shapes, log_softmax, sigmoid
from trapgen.similarity.workers import find_blas

BLOCK: Final = 32
"""Loops go through the network in blocks of this many rows, the last one filled up.

Matrix products round differently at other sizes; so a loop does not depend on its company.
"""


_TEMPERATURES: Final = {"velocity": np.float32(0.75), "offset": np.float32(1)}
"""Hits take after earlier ones, so that one drawn too soft softens those that follow: at 1, loops
are quieter and less even than those learned from. Chosen on clean validation."""


@dataclass(frozen=True)
class Feel:
    """How a loop is played.

    Attributes:
        velocities: `(n_steps, 9)` uint8, 0 where a voice is silent, else from 1 to 127.
        offsets: `(n_steps, 9)` float32 in steps, from -0.5 up to 0.5; 0 where a voice is silent,
            and everywhere if the humanizer has learned no microtiming.
    """

    velocities: NDArray[np.uint8]
    offsets: NDArray[np.float32]


@dataclass
class _Rows:
    """A block of loops, padded to one length, on the way through the network."""

    n_hits: Indices
    features: Array
    recalls: Indices
    velocities: Indices
    offsets: Indices
    known: Array

    def tell(self, at: int) -> dict[str, Indices]:
        """What one hit may take after, `(n_rows, 8)` classes by head."""
        recalls = self.recalls[:, at : at + 1]
        return {
            "velocity": recall(self.velocities, recalls, N_VELOCITIES)[:, 0],
            "offset": recall(self.offsets, recalls, N_OFFSETS)[:, 0],
        }


class Humanizer:
    """A trained humanizer, in numpy.

    One LSTM reads a finished loop's hits from the last to the first, so that each is told what
    comes; another plays them from the first to the last. Each hit is told how the earlier hits
    were played that it may take after (see `trapgen.humanize.hits.Hits`), and draws its velocity
    from 127 classes and its offset from 64. Their scores are the network's own, and bells of
    several widths around each recalled class, as high or low as the network says.

    Args:
        spec: Its shape.
        weights: float32 arrays by name, as `trapgen.humanize.train` takes them from Keras.
        figures: Bits a hit on clean validation, its own and of baselines; for people.

    Raises:
        ModelError: A weight is missing or has another shape.
    """

    def __init__(
        self,
        spec: HumanizerSpec,
        weights: Mapping[str, Array],
        figures: Mapping[str, float] | None = None,
        path: Path | str = "",
    ) -> None:
        check_shapes(weights, weight_shapes(spec), path or "the humanizer")
        self.spec = spec
        self.weights = dict(weights)
        self.figures = dict(figures or {})

    def draw(
        self,
        onsets: Sequence[NDArray[np.bool_]],
        bpm: float,
        rngs: Sequence[np.random.Generator],
        condition: Tokens | None = None,
        numbers: Sequence[int] | None = None,
    ) -> list[Feel]:
        """Play loops.

        Args:
            onsets: `(n_steps, 9)` of each loop.
            bpm: Quarter notes a minute.
            rngs: A generator a loop: its own alone decides how it is played.
            condition: `(4,)` numbers of the spec's conditions that hold for the loops; by default
                unknown.
            numbers: Which row of a block each loop takes, modulo the block's size; by default
                they are counted. A loop of the same number is the same in any company.
        """
        numbers = range(len(onsets)) if numbers is None else numbers
        known = np.zeros(N_CONDITIONS, np.int64) if condition is None else condition
        hits = [find_hits(loop, self.spec.steps_per_bar, bpm) for loop in onsets]
        chances = [rng.random((len(found), 3)) for found, rng in zip(hits, rngs, strict=True)]
        feels: dict[int, Feel] = {}
        for places in _deal(numbers):
            rows = self._gather({row: hits[at] for row, at in places.items()}, known)
            drawn = {row: chances[at] for row, at in places.items()}
            drawn |= {row: np.zeros((0, 3)) for row in range(BLOCK) if row not in drawn}
            chance = pad_rows([drawn[row] for row in range(BLOCK)], rows.features.shape[1], 0.5)
            # On a busy machine the threads of products this small mostly wait for each other.
            with find_blas().limit(limits=1, user_api="blas"):
                self._play(rows, chance)
            for row, at in places.items():
                feels[at] = self._lay_out(onsets[at], hits[at], rows, row, chances[at])
        return [feels[at] for at in range(len(onsets))]

    def log_probabilities(
        self,
        hits: Sequence[Hits],
        played: Sequence[Performance],
        conditions: Tokens | None = None,
    ) -> list[Array]:
        """`(n_hits, 2)` of each loop: natural logs of its velocities' and offsets' probabilities.

        An offset's is 0 where it is not known or the humanizer has learned none.

        Args:
            hits: Of each loop.
            played: How they were played.
            conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.
        """
        found = []
        for start in range(0, len(hits), BLOCK):
            chosen = range(start, min(start + BLOCK, len(hits)))
            known = np.zeros((BLOCK, N_CONDITIONS), np.int64)
            if conditions is not None:
                known[: len(chosen)] = conditions[start : chosen.stop]
            rows = self._gather({at - start: hits[at] for at in chosen}, known)
            for at in chosen:
                rows.velocities[at - start, : len(hits[at])] = played[at].velocities
                rows.offsets[at - start, : len(hits[at])] = played[at].offsets
            logs = np.zeros((*rows.velocities.shape, 2), np.float32)
            for at, scores in self._read(rows):
                for head, name in enumerate(self.spec.heads):
                    classes = (rows.velocities, rows.offsets)[head][:, at]
                    logged = log_softmax(scores[name])
                    its = logged[np.arange(BLOCK), np.maximum(classes - 1, 0)]
                    logs[:, at, head] = np.where(classes > 0, its, 0)
            found += [logs[at - start, : len(hits[at])] for at in chosen]
        return found

    def _gather(self, hits: Mapping[int, Hits], condition: Tokens) -> _Rows:
        """A block of hits by row; `condition` is `(4,)` for all or `(BLOCK, 4)`."""
        n_features = self.spec.n_features
        silent = Hits(
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros((0, n_features), np.float32),
            np.zeros((0, N_RECALLS), np.int64),
        )
        rows = [hits.get(row, silent) for row in range(BLOCK)]
        length = max(map(len, rows))
        known = np.zeros((BLOCK, 0), np.float32)
        if self.spec.conditions:
            numbers = np.broadcast_to(condition, (BLOCK, N_CONDITIONS))
            known = self.weights["conditions/embeddings"][numbers].sum(axis=1)
        return _Rows(
            np.array([len(row) for row in rows]),
            pad_rows([row.features for row in rows], length, 0),
            pad_rows([row.recalls for row in rows], length, -1),
            np.zeros((BLOCK, length), np.int64),
            np.zeros((BLOCK, length), np.int64),
            known,
        )

    def _play(self, rows: _Rows, chance: NDArray[np.float64]) -> None:
        """Draw the classes of every hit."""
        for at, scores in self._read(rows):
            for head, name in enumerate(self.spec.heads):
                classes = (rows.velocities, rows.offsets)[head]
                sharp = scores[name] / _TEMPERATURES[name]
                classes[:, at] = 1 + _choose(sharp, chance[:, at, head])

    def _read(self, rows: _Rows) -> Iterator[tuple[int, dict[str, Array]]]:
        """Scores of each hit's classes, by head; what it is played as is told to the next."""
        coming = self._read_coming(rows)
        hidden, cell = np.zeros((2, BLOCK, self.spec.units), np.float32)
        for at in range(rows.features.shape[1]):
            recalled = rows.tell(at)
            told = tell(recalled["velocity"], recalled["offset"])
            x = np.concatenate([rows.features[:, at], coming[:, at], told, rows.known], axis=1)
            hidden, cell = self._cell("played", x, hidden, cell)
            both = np.concatenate([hidden, coming[:, at]], axis=1)
            yield at, {name: self._score(name, both, recalled[name]) for name in self.spec.heads}

    def _read_coming(self, rows: _Rows) -> Array:
        """`(BLOCK, n_hits, units)` what the LSTM says that read from the last hit up to each."""
        length = rows.features.shape[1]
        coming = np.zeros((BLOCK, length, self.spec.units), np.float32)
        hidden, cell = np.zeros((2, BLOCK, self.spec.units), np.float32)
        row = np.arange(BLOCK)
        for step in range(length):
            at = rows.n_hits - 1 - step
            hidden, cell = self._cell("coming", rows.features[row, np.maximum(at, 0)], hidden, cell)
            coming[row[at >= 0], at[at >= 0]] = hidden[at >= 0]
        return coming

    def _score(self, name: str, x: Array, recalled: Indices) -> Array:
        said = x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]
        n_classes = BUMPS[name].shape[-1]
        heights = said[:, n_classes:].reshape(len(x), N_RECALLS, 1, -1)
        bells = BUMPS[name][recalled]
        result: Array = said[:, :n_classes] + (heights @ bells)[:, :, 0].sum(axis=1)
        return result

    def _cell(self, name: str, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        weights = self.weights
        gates = (
            x @ weights[f"{name}/kernel"]
            + hidden @ weights[f"{name}/recurrent_kernel"]
            + weights[f"{name}/bias"]
        )
        # Keras' order: input, forget, candidate, output.
        i, f, c, o = np.split(gates, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        return sigmoid(o) * np.tanh(cell), cell

    def _lay_out(
        self,
        onsets: NDArray[np.bool_],
        hits: Hits,
        rows: _Rows,
        row: int,
        chance: NDArray[np.float64],
    ) -> Feel:
        velocities = np.zeros(onsets.shape, np.uint8)
        offsets = np.zeros(onsets.shape, np.float32)
        velocities[hits.steps, hits.voices] = rows.velocities[row, : len(hits)]
        if self.spec.offsets:
            # Anywhere within its part of the step.
            within = rows.offsets[row, : len(hits)] - 1 + chance[:, 2]
            offsets[hits.steps, hits.voices] = within / N_OFFSETS - 0.5
        return Feel(velocities, offsets)


def _deal(numbers: Sequence[int]) -> list[dict[int, int]]:
    """Blocks as loops by row: each loop has the row that its number says."""
    blocks: list[dict[int, int]] = []
    for at, number in enumerate(numbers):
        row = number % BLOCK
        block = next((each for each in blocks if row not in each), None)
        if block is None:
            blocks.append(block := {})
        block[row] = at
    return blocks


def _choose(scores: Array, chance: NDArray[np.float64]) -> Indices:
    """Draw a class a row by a chance from 0 to 1."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
    ends = np.cumsum(shares, axis=1)
    found = (ends <= chance[:, None] * ends[:, -1:]).sum(axis=1)
    result: Indices = np.minimum(found, scores.shape[1] - 1)
    return result

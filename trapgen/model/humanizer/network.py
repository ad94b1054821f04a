"""The humanizer in numpy and ONNX Runtime: velocities and microtiming without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.model.batches import pad_rows
from trapgen.model.humanizer.playback_features import (
    Indices,
    PlaybackFeatures,
    PlayedHits,
    find_hits,
    make_recall_features,
    recall,
)
from trapgen.model.humanizer.spec import (
    BUMPS,
    N_OFFSETS,
    N_RECALLS,
    N_VELOCITIES,
    Array,
    HumanizerSpec,
    weight_shapes,
)
from trapgen.model.layers import Layers, check_shapes, log_softmax
from trapgen.model.words.spec import N_CONDITIONS, Tokens

_BLOCK: Final = 128
"""Most loops in a batch."""

_TEMPERATURES: Final = {"velocity": np.float32(0.75), "offset": np.float32(1)}
"""Sampling temperature. Hits depend on earlier ones, so one soft draw softens those that follow: at
1, loops are quieter and less even than the training data. Chosen on clean validation."""


@dataclass(frozen=True)
class Playback:
    """Playback of a loop.

    Attributes:
        velocities: `(n_steps, 9)` uint8, 0 where a voice is silent, else from 1 to 127.
        offsets: `(n_steps, 9)` float32 in steps, from -0.5 up to 0.5; 0 where a voice is silent,
            and everywhere if the humanizer has learned no microtiming.
    """

    velocities: NDArray[np.uint8]
    offsets: NDArray[np.float32]


@dataclass
class _PlaybackRows:
    """A batch of loops, padded to one length, while their playback is sampled."""

    n_hits: Indices
    features: Array
    recalls: Indices
    velocities: Indices
    offsets: Indices
    known: Array

    def make_recall_features(self, at: int) -> dict[str, Indices]:
        """Recall features of one hit, `(n_rows, 8)` classes by head."""
        recalls = self.recalls[:, at : at + 1]
        return {
            "velocity": recall(self.velocities, recalls, N_VELOCITIES)[:, 0],
            "offset": recall(self.offsets, recalls, N_OFFSETS)[:, 0],
        }


class Humanizer:
    """A trained humanizer whose playback of a loop does not depend on the rest of the batch.

    One LSTM reads a finished loop's hits backwards, so that later hits are inputs; another predicts
    them forwards. Further inputs of a hit are the playback of the earlier hits that it recalls (see
    `trapgen.model.humanizer.playback_features.PlaybackFeatures`). Velocity has 127 classes and
    offset 64. Their logits are the network's own plus bells of several widths around each recalled
    class, whose heights the network predicts.

    Args:
        spec: Its shape.
        weights: float32 arrays by name, as `trapgen.model.humanizer.train` reads them from Keras.
        figures: Bits per hit on clean validation, its own and of baselines; for information only.

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

    @cached_property
    def _layers(self) -> Layers:
        return Layers(self.weights)

    def draw(
        self,
        onsets: Sequence[NDArray[np.bool_]],
        bpm: float,
        rngs: Sequence[np.random.Generator],
        condition: Tokens | None = None,
    ) -> list[Playback]:
        """Sample the playback of loops.

        Args:
            onsets: `(n_steps, 9)` of each loop.
            bpm: Quarter notes per minute.
            rngs: One random generator per loop, which alone decides its playback.
            condition: `(4,)` numbers of the spec's conditions for the loops; by default
                unknown.
        """
        known = np.zeros(N_CONDITIONS, np.int64) if condition is None else condition
        hits = [find_hits(loop, self.spec.steps_per_bar, bpm) for loop in onsets]
        chances = [rng.random((len(found), 3)) for found, rng in zip(hits, rngs, strict=True)]
        feels = []
        for start in range(0, len(hits), _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = self._gather(hits[block], np.tile(known, (len(hits[block]), 1)))
            self._play(rows, pad_rows(chances[block], rows.features.shape[1], 0.5))
            for row, drawn in enumerate(chances[block]):
                at = start + row
                feels.append(self._lay_out(onsets[at], hits[at], rows, row, drawn))
        return feels

    def log_probabilities(
        self,
        hits: Sequence[PlaybackFeatures],
        played: Sequence[PlayedHits],
        conditions: Tokens | None = None,
    ) -> list[Array]:
        """`(n_hits, 2)` of each loop: natural logs of its velocities' and offsets' probabilities.

        An offset's is 0 where the offset is unknown or the humanizer has learned none.

        Args:
            hits: Playback features of each loop.
            played: Their playback.
            conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.
        """
        if conditions is None:
            conditions = np.zeros((len(hits), N_CONDITIONS), np.int64)
        found = []
        for start in range(0, len(hits), _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = self._gather(hits[block], conditions[block])
            for row, each in enumerate(played[block]):
                rows.velocities[row, : len(each.velocities)] = each.velocities
                rows.offsets[row, : len(each.offsets)] = each.offsets
            logs = np.zeros((*rows.velocities.shape, 2), np.float32)
            for at, logits in self._read(rows):
                for head, name in enumerate(self.spec.heads):
                    classes = (rows.velocities, rows.offsets)[head][:, at]
                    logged = log_softmax(logits[name])
                    its = logged[np.arange(len(logged)), np.maximum(classes - 1, 0)]
                    logs[:, at, head] = np.where(classes > 0, its, 0)
            found += [logs[row, : len(each)] for row, each in enumerate(hits[block])]
        return found

    def _gather(self, hits: Sequence[PlaybackFeatures], conditions: Tokens) -> _PlaybackRows:
        """Pad a batch of loops; `conditions` are `(n_loops, 4)`."""
        length = max(map(len, hits))
        known = np.zeros((len(hits), 0), np.float32)
        if self.spec.conditions:
            known = self.weights["conditions/embeddings"][conditions].sum(axis=1)
        return _PlaybackRows(
            np.array([len(row) for row in hits]),
            pad_rows([row.features for row in hits], length, 0),
            pad_rows([row.recalls for row in hits], length, -1),
            np.zeros((len(hits), length), np.int64),
            np.zeros((len(hits), length), np.int64),
            known,
        )

    def _play(self, rows: _PlaybackRows, chance: NDArray[np.float64]) -> None:
        """Sample the classes of every hit from quantiles."""
        for at, logits in self._read(rows):
            for head, name in enumerate(self.spec.heads):
                classes = (rows.velocities, rows.offsets)[head]
                sharp = logits[name] / _TEMPERATURES[name]
                classes[:, at] = 1 + _choose(sharp, chance[:, at, head])

    def _read(self, rows: _PlaybackRows) -> Iterator[tuple[int, dict[str, Array]]]:
        """Yield logits of each hit's classes by head; its sampled class is an input of the next."""
        coming = self._read_coming(rows)
        hidden, cell = np.zeros((2, len(rows.n_hits), self.spec.units), np.float32)
        for at in range(rows.features.shape[1]):
            recalled = rows.make_recall_features(at)
            recalled_features = make_recall_features(recalled["velocity"], recalled["offset"])
            x = np.concatenate(
                [rows.features[:, at], coming[:, at], recalled_features, rows.known], axis=1
            )
            hidden, cell = self._layers.lstm("played", x, hidden, cell)
            both = np.concatenate([hidden, coming[:, at]], axis=1)
            yield at, {name: self._score(name, both, recalled[name]) for name in self.spec.heads}

    def _read_coming(self, rows: _PlaybackRows) -> Array:
        """`(n_loops, n_hits, units)` output of the backward LSTM at each hit."""
        length = rows.features.shape[1]
        coming = np.zeros((len(rows.n_hits), length, self.spec.units), np.float32)
        hidden, cell = np.zeros((2, len(rows.n_hits), self.spec.units), np.float32)
        row = np.arange(len(rows.n_hits))
        for step in range(length):
            at = rows.n_hits - 1 - step
            hidden, cell = self._layers.lstm(
                "coming", rows.features[row, np.maximum(at, 0)], hidden, cell
            )
            coming[row[at >= 0], at[at >= 0]] = hidden[at >= 0]
        return coming

    def _score(self, name: str, x: Array, recalled: Indices) -> Array:
        said = self._layers.dense(name, x)
        n_classes = BUMPS[name].shape[-1]
        heights = said[:, n_classes:].reshape(len(x), N_RECALLS, 1, -1)
        bells = BUMPS[name][recalled]
        result: Array = said[:, :n_classes] + (heights @ bells)[:, :, 0].sum(axis=1)
        return result

    def _lay_out(
        self,
        onsets: NDArray[np.bool_],
        hits: PlaybackFeatures,
        rows: _PlaybackRows,
        row: int,
        chance: NDArray[np.float64],
    ) -> Playback:
        velocities = np.zeros(onsets.shape, np.uint8)
        offsets = np.zeros(onsets.shape, np.float32)
        velocities[hits.steps, hits.voices] = rows.velocities[row, : len(hits)]
        if self.spec.offsets:
            # A random point within the class's part of the step.
            within = rows.offsets[row, : len(hits)] - 1 + chance[:, 2]
            offsets[hits.steps, hits.voices] = within / N_OFFSETS - 0.5
        return Playback(velocities, offsets)


def _choose(logits: Array, chance: NDArray[np.float64]) -> Indices:
    """Sample a class per row from a quantile between 0 and 1."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    ends = np.cumsum(shares, axis=1)
    found = (ends <= chance[:, None] * ends[:, -1:]).sum(axis=1)
    result: Indices = np.minimum(found, logits.shape[1] - 1)
    return result

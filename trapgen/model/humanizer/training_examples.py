"""What a humanizer learns from: loops cut into pieces, each with how it was played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, ParameterError, cut
from trapgen.model.batches import draw_by_length, draw_known, pad_rows
from trapgen.model.humanizer.playback_features import (
    PlaybackFeatures,
    PlayedHits,
    find_hits,
    is_played,
    make_recall_features,
    read_played_hits,
    recall,
)
from trapgen.model.humanizer.spec import N_OFFSETS, N_VELOCITIES
from trapgen.model.words.spec import N_CONDITIONS, Tokens

EXAMPLE_BARS: Final = 8
"""Longer loops are cut: what is drawn begins from nothing, too."""


@dataclass(frozen=True)
class TrainingExample:
    """A stretch of a loop as if it were a loop.

    Attributes:
        hits: Of it.
        played: How they are played.
        condition: `(4,)` numbers of the loop's conditions; 0 where unknown.
        steps_per_bar: The grid.
        tells_offsets: Whether what is recalled of its offsets is told.
    """

    hits: PlaybackFeatures
    played: PlayedHits
    condition: Tokens
    steps_per_bar: int
    tells_offsets: bool = True


def cut_examples(
    loops: Sequence[DrumLoop], conditions: Tokens | None = None
) -> list[TrainingExample]:
    """Pieces of up to eight bars that have hits.

    Args:
        loops: Of one grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no hits at all.
    """
    examples = []
    for at, loop in enumerate(loops):
        known = np.zeros(N_CONDITIONS, np.int64) if conditions is None else conditions[at]
        has_offsets = is_played(loop)
        for start in range(0, loop.n_bars, EXAMPLE_BARS):
            part = cut(loop, start, min(EXAMPLE_BARS, loop.n_bars - start))
            hits = find_hits(part.onsets, part.steps_per_bar, part.bpm)
            if len(hits):
                examples.append(
                    TrainingExample(
                        hits, read_played_hits(part, hits, has_offsets), known, part.steps_per_bar
                    )
                )
    if not examples:
        raise ParameterError("loops", "at least one hit", 0)
    return examples


def draw_example_batches(
    examples: Sequence[TrainingExample], size: int, rng: np.random.Generator
) -> Iterator[dict[str, NDArray[Any]]]:
    """Batches in random order, each of pieces about as long as one another, for learning."""
    lengths = np.array([len(example.hits) for example in examples])
    for rows in draw_by_length(lengths, size, rng):
        yield make_batch([_withhold(examples[row], rng) for row in rows.tolist()])


def _withhold(example: TrainingExample, rng: np.random.Generator) -> TrainingExample:
    """Make some of what a piece is told unknown."""
    condition = example.condition * draw_known(rng, len(example.condition))
    return replace(example, condition=condition, tells_offsets=bool(draw_known(rng)))


def make_batch(examples: Sequence[TrainingExample]) -> dict[str, NDArray[Any]]:
    """Arrays by name, as `keras_model.build_humanizer` takes them, and targets.

    `velocity_played` and `offset_played` are `(batch, n_hits)` classes; 0 behind a piece's end, and
    where an offset is not known.
    """
    length = max(len(example.hits) for example in examples)

    def pad(rows: Sequence[NDArray[Any]], value: float = 0) -> NDArray[Any]:
        return pad_rows(rows, length, value)

    recalls = pad([example.hits.recalls for example in examples], -1)
    velocities = pad([example.played.velocities for example in examples])
    offsets = pad([example.played.offsets for example in examples])
    recalled = recall(velocities, recalls, N_VELOCITIES)
    recalled_features = pad(
        [example.played.offsets * example.tells_offsets for example in examples]
    )
    moved = recall(recalled_features, recalls, N_OFFSETS)
    return {
        "features": pad([example.hits.features for example in examples]),
        "backwards": pad([np.arange(len(example.hits))[::-1] for example in examples]),
        "told": make_recall_features(recalled, moved),
        "condition": np.stack([example.condition for example in examples]),
        "velocity_recalled": recalled,
        "offset_recalled": moved,
        "velocity_played": velocities,
        "offset_played": offsets,
    }

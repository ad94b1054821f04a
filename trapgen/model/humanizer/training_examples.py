"""Training examples of the humanizer: excerpts of loops with their playback."""

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
"""Longest training example in bars; longer loops are cut, as generation also starts anew."""


@dataclass(frozen=True)
class TrainingExample:
    """An excerpt of a loop, treated as a loop.

    Attributes:
        hits: Its playback features.
        played: Their playback.
        condition: `(4,)` numbers of the loop's conditions; 0 where unknown.
        steps_per_bar: The grid.
        tells_offsets: Whether recalled offsets are inputs.
    """

    hits: PlaybackFeatures
    played: PlayedHits
    condition: Tokens
    steps_per_bar: int
    tells_offsets: bool = True


def cut_examples(
    loops: Sequence[DrumLoop], conditions: Tokens | None = None
) -> list[TrainingExample]:
    """Excerpts of up to eight bars that contain hits.

    Args:
        loops: Loops of one grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: No loop has a hit.
    """
    examples = []
    for at, loop in enumerate(loops):
        known = np.zeros(N_CONDITIONS, np.int64) if conditions is None else conditions[at]
        has_offsets = is_played(loop)
        for start in range(0, loop.n_bars, EXAMPLE_BARS):
            part = cut(loop, start, min(EXAMPLE_BARS, loop.n_bars - start))
            hits = find_hits(part.onsets, part.steps_per_bar, part.play_bpm)
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
    """Training batches in random order; the examples of a batch have similar lengths."""
    lengths = np.array([len(example.hits) for example in examples])
    for rows in draw_by_length(lengths, size, rng):
        yield make_batch([_withhold(examples[row], rng) for row in rows.tolist()])


def _withhold(example: TrainingExample, rng: np.random.Generator) -> TrainingExample:
    """Replace some inputs of an example by unknown."""
    condition = example.condition * draw_known(rng, len(example.condition))
    return replace(example, condition=condition, tells_offsets=bool(draw_known(rng)))


def make_batch(examples: Sequence[TrainingExample]) -> dict[str, NDArray[Any]]:
    """Arrays by name: inputs of `keras_model.build_humanizer`, and targets.

    `velocity_played` and `offset_played` are `(batch, n_hits)` classes; 0 after an example's end,
    and where an offset is unknown.
    """
    length = max(len(example.hits) for example in examples)

    def pad(rows: Sequence[NDArray[Any]], value: float = 0) -> NDArray[Any]:
        return pad_rows(rows, length, value)

    recalls = pad([example.hits.recalls for example in examples], -1)
    velocities = pad([example.played.velocities for example in examples])
    offsets = pad([example.played.offsets for example in examples])
    recalled = recall(velocities, recalls, N_VELOCITIES)
    known_offsets = pad([example.played.offsets * example.tells_offsets for example in examples])
    moved = recall(known_offsets, recalls, N_OFFSETS)
    return {
        "features": pad([example.hits.features for example in examples]),
        "backwards": pad([np.arange(len(example.hits))[::-1] for example in examples]),
        "recalled_features": make_recall_features(recalled, moved),
        "condition": np.stack([example.condition for example in examples]),
        "velocity_recalled": recalled,
        "offset_recalled": moved,
        "velocity_played": velocities,
        "offset_played": offsets,
    }

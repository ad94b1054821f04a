"""What a humanizer learns from: loops cut into pieces, each with how it was played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, ParameterError, cut
from trapgen.model.batches import draw_by_length, draw_told, pad_rows
from trapgen.model.humanizer.hits import (
    Hits,
    Performance,
    find_hits,
    is_played,
    read_performance,
    recall,
    tell,
)
from trapgen.model.humanizer.spec import N_OFFSETS, N_VELOCITIES
from trapgen.model.words.spec import N_CONDITIONS, Tokens

PIECE_BARS: Final = 8
"""Longer loops are cut: what is drawn begins from nothing, too."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a loop as if it were a loop.

    Attributes:
        hits: Of it.
        played: How they are played.
        condition: `(4,)` numbers of the loop's conditions; 0 where unknown.
        steps_per_bar: The grid.
        tells_offsets: Whether what is recalled of its offsets is told.
    """

    hits: Hits
    played: Performance
    condition: Tokens
    steps_per_bar: int
    tells_offsets: bool = True


def cut_pieces(loops: Sequence[DrumLoop], conditions: Tokens | None = None) -> list[Piece]:
    """Pieces of up to eight bars that have hits.

    Args:
        loops: Of one grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no hits at all.
    """
    pieces = []
    for at, loop in enumerate(loops):
        known = np.zeros(N_CONDITIONS, np.int64) if conditions is None else conditions[at]
        has_offsets = is_played(loop)
        for start in range(0, loop.n_bars, PIECE_BARS):
            part = cut(loop, start, min(PIECE_BARS, loop.n_bars - start))
            hits = find_hits(part.onsets, part.steps_per_bar, part.bpm)
            if len(hits):
                pieces.append(
                    Piece(
                        hits, read_performance(part, hits, has_offsets), known, part.steps_per_bar
                    )
                )
    if not pieces:
        raise ParameterError("loops", "at least one hit", 0)
    return pieces


def draw_batches(
    pieces: Sequence[Piece], size: int, rng: np.random.Generator
) -> Iterator[dict[str, NDArray[Any]]]:
    """Batches in random order, each of pieces about as long as one another, for learning."""
    lengths = np.array([len(piece.hits) for piece in pieces])
    for rows in draw_by_length(lengths, size, rng):
        yield make_batch([_withhold(pieces[row], rng) for row in rows.tolist()])


def _withhold(piece: Piece, rng: np.random.Generator) -> Piece:
    """Make some of what a piece is told unknown."""
    condition = piece.condition * draw_told(rng, len(piece.condition))
    return replace(piece, condition=condition, tells_offsets=bool(draw_told(rng)))


def make_batch(pieces: Sequence[Piece]) -> dict[str, NDArray[Any]]:
    """Arrays by name, as `keras_model.build_humanizer` takes them, and targets.

    `velocity_played` and `offset_played` are `(batch, n_hits)` classes; 0 behind a piece's end, and
    where an offset is not known.
    """
    length = max(len(piece.hits) for piece in pieces)

    def pad(rows: Sequence[NDArray[Any]], value: float = 0) -> NDArray[Any]:
        return pad_rows(rows, length, value)

    recalls = pad([piece.hits.recalls for piece in pieces], -1)
    velocities = pad([piece.played.velocities for piece in pieces])
    offsets = pad([piece.played.offsets for piece in pieces])
    recalled = recall(velocities, recalls, N_VELOCITIES)
    told = pad([piece.played.offsets * piece.tells_offsets for piece in pieces])
    moved = recall(told, recalls, N_OFFSETS)
    return {
        "features": pad([piece.hits.features for piece in pieces]),
        "backwards": pad([np.arange(len(piece.hits))[::-1] for piece in pieces]),
        "told": tell(recalled, moved),
        "condition": np.stack([piece.condition for piece in pieces]),
        "velocity_recalled": recalled,
        "offset_recalled": moved,
        "velocity_played": velocities,
        "offset_played": offsets,
    }

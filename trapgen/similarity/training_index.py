"""The training index: a model's training loops, to measure the novelty of generated loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    HITS_NAME,
    LOOPS_NAME,
    MAX_BARS,
    DrumLoop,
    ModelError,
    TableError,
    cut,
    read_json,
    read_loops,
    relabel,
    write_json,
    write_loops,
)
from trapgen.similarity.loops import find_pairs
from trapgen.similarity.pairs import Pair

NOVELTY_NAME: Final = "novelty.json"
INDEX_FILES: Final = (LOOPS_NAME, HITS_NAME, NOVELTY_NAME)
"""The training index in a model's folder."""

_N_NEAREST: Final = 3
_WHOLE_BARS: Final = 64
_PASSAGE_BARS: Final = 16
_AGAIN: Final = "Train the model again: this version keeps its training loops in tables."


def save_training_index(
    folder: Path,
    loops: Sequence[DrumLoop],
    held_out: Sequence[float] = (),
    *,
    piece_bars: int = 0,
    before: Sequence[DrumLoop] = (),
) -> None:
    """Write the loops and distances that receipts use to measure novelty.

    Args:
        folder: The model's folder.
        loops: The training loops.
        held_out: Distances of held-out loops to the nearest training loop (see `measure_novelty`).
        piece_bars: Loops longer than this are performances, and are compared in excerpts of this
            many bars (see `cut_passages`); 0 for no limit.
        before: Loops that the model learned before, as the model that it was begun from.
    """
    learned = [("train", loop) for loop in loops] + [("start", loop) for loop in before]
    write_loops(folder, learned)
    write_json(folder / NOVELTY_NAME, {"piece_bars": piece_bars, "held_out": list(held_out)})


def measure_novelty(
    held_out: Sequence[DrumLoop], loops: Sequence[DrumLoop], *, piece_bars: int = 0
) -> list[float]:
    """Distances of held-out loops to the nearest training loop, ascending.

    Args:
        held_out: Loops that are not trained on.
        loops: The training loops.
        piece_bars: See `save_training_index`.
    """
    known = cut_passages(loops, piece_bars) if piece_bars else loops
    nearest = (pairs[0].distance for pairs in rank_nearest(held_out, known) if pairs)
    # Six digits exceed the resolution of a distance between loops.
    return sorted(round(float(distance), 6) for distance in nearest)


@dataclass(frozen=True)
class TrainingIndex:
    """Training loops that generated loops are compared with.

    Attributes:
        loops: The training loops, performances cut into excerpts; with those that the model learned
            before, as the model that it was begun from.
        held_out: `(n_loops,)` float32 distances of held-out loops to the nearest training loop,
            ascending.
    """

    loops: list[DrumLoop]
    held_out: NDArray[np.float32]


def load_training_index(folder: Path, *, whole: bool = False) -> TrainingIndex:
    """Read a model's training loops, performances cut into excerpts unless `whole`.

    Raises:
        ModelError: A file is missing or broken.
    """
    try:
        known = read_json(folder / NOVELTY_NAME)
        piece_bars, held_out = known["piece_bars"], np.array(known["held_out"], np.float32)
        if type(piece_bars) is not int or not 0 <= piece_bars <= MAX_BARS:
            raise ValueError(f"piece_bars must be a whole number from 0 to {MAX_BARS}")
        if held_out.ndim != 1 or not ((held_out >= 0) & (held_out <= 1)).all():
            raise ValueError("held_out must be a list of distances from 0 to 1")
        loops = [loop for _, loop in read_loops(folder)]
    except TableError as error:
        raise ModelError(error.path, error.rule, error.received, _AGAIN) from error
    except (LookupError, OverflowError, TypeError, ValueError) as error:
        raise ModelError(folder / NOVELTY_NAME, "keys", error, _AGAIN) from error
    if piece_bars and not whole:
        loops = cut_passages(loops, piece_bars)
    return TrainingIndex(loops, held_out)


def list_learned(folder: Path) -> list[DrumLoop]:
    """Everything that a model has learned, for the index of one that is begun from it.

    Loops are named `folder:loop_id` after the model's folder, and `folder:earlier:loop_id` if it
    was begun from another in turn.

    Raises:
        ModelError: A file is missing or broken.
    """
    return [
        relabel(loop, loop_id=f"{folder.name}:{loop.lineage.loop_id}")
        for loop in load_training_index(folder).loops
    ]


def cut_passages(loops: Sequence[DrumLoop], bars: int) -> list[DrumLoop]:
    """Keep loops of up to `bars` bars; cut longer ones into excerpts that overlap by half.

    The name of an excerpt states its first bar, counted from 1: `take-07, bar 3`.
    """
    pieces = []
    for loop in loops:
        if loop.n_bars <= bars:
            pieces.append(loop)
            continue
        last = loop.n_bars - bars
        for start in sorted({*range(0, last, max(1, bars // 2)), last}):
            name = f"{loop.lineage.loop_id}, bar {start + 1}"
            pieces.append(relabel(cut(loop, start, bars), loop_id=name))
    return pieces


def rank_nearest(loops: Sequence[DrumLoop], known: Sequence[DrumLoop]) -> list[list[Pair]]:
    """The nearest known loops of each loop, nearest first (see `trapgen.similarity`).

    Rotations by beats and half time count as the same, as in the audit. A loop of more than 64 bars
    is compared in passages of 16 bars that overlap by half: so the time for a bar does not grow
    with the loop, and a copy in any part of it is found.
    """
    if not loops:
        return []
    spans = [(at, *span) for at, loop in enumerate(loops) for span in _cut_spans(loop)]
    pieces = [cut(loops[at], first, n_bars) if n_bars else loops[at] for at, first, n_bars in spans]
    pairs = find_pairs(pieces, known, max_distance=1.0, stretch=True)
    pairs = pairs[np.lexsort((pairs.distance, pairs.left))]
    ends = np.searchsorted(pairs.left, np.arange(len(pieces) + 1))
    nearest: list[dict[int, Pair]] = [{} for _ in loops]
    for (at, first, n_bars), (start, end) in zip(spans, pairwise(ends.tolist()), strict=True):
        for pair in pairs[start : min(start + _N_NEAREST, end)]:
            found = replace(pair, left=at, first_bar=first, n_bars=n_bars)
            best = nearest[at].setdefault(pair.right, found)
            if pair.distance < best.distance:
                nearest[at][pair.right] = found
    return [
        sorted(found.values(), key=lambda pair: (pair.distance, pair.right))[:_N_NEAREST]
        for found in nearest
    ]


def _cut_spans(loop: DrumLoop) -> list[tuple[int, int]]:
    """First bar and length of the passages that are compared; a length of 0 is the whole loop."""
    if loop.n_bars <= _WHOLE_BARS:
        return [(0, 0)]
    last = loop.n_bars - _PASSAGE_BARS
    return [(first, _PASSAGE_BARS) for first in (*range(0, last, _PASSAGE_BARS // 2), last)]

"""What a model's loops are measured against: its training loops, kept beside its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    N_VOICES,
    VOICES,
    DrumLoop,
    Lineage,
    ModelError,
    TableError,
    cut,
    read_arrays,
    to_loop,
    to_words,
    write_arrays,
)
from trapgen.similarity import Pair, find_pairs, lay_over

_N_NEAREST: Final = 3


def save_reference(
    path: Path,
    loops: Sequence[DrumLoop],
    held_out: Sequence[DrumLoop] = (),
    *,
    piece_bars: int | None = None,
    compress: bool = False,
) -> None:
    """Write what receipts measure against.

    Args:
        path: The file.
        loops: The training loops; their names, lengths and words are written.
        held_out: Loops that are not trained on; of them only the distance to the nearest training
            loop is written.
        piece_bars: Longer loops are no loops but performances, which are measured against in
            pieces of so many bars (see `cut_pieces`); by default none are.
        compress: Whether the file is to be small.
    """
    words = [to_words(loop) for loop in loops]
    known = cut_pieces(loops, piece_bars) if piece_bars else loops
    distances = sorted(pairs[0].distance for pairs in find_nearest(held_out, known) if pairs)
    write_arrays(
        path,
        {
            "loop_ids": np.array([loop.lineage.loop_id for loop in loops]),
            "n_steps": np.array([len(each) for each in words], np.int64),
            "words": np.concatenate(words).astype(np.uint16),
            "held_out_distances": np.array(distances, np.float32),
            "piece_bars": np.array(piece_bars or 0, np.int64),
        },
        compress=compress,
    )


def cut_pieces(loops: Sequence[DrumLoop], bars: int) -> list[DrumLoop]:
    """Loops of up to `bars` bars as they are; longer ones in pieces, a new one every half piece.

    The name of a piece says which bar it begins with, counted from 1: `take-07, bar 3`.
    """
    pieces = []
    for loop in loops:
        if loop.n_bars <= bars:
            pieces.append(loop)
            continue
        last = loop.n_bars - bars
        for start in sorted({*range(0, last, max(1, bars // 2)), last}):
            name = f"{loop.lineage.loop_id}, bar {start + 1}"
            lineage = replace(loop.lineage, loop_id=name)
            pieces.append(replace(cut(loop, start, bars), lineage=lineage))
    return pieces


def load_reference(path: Path, steps_per_bar: int, *, whole: bool = False) -> list[DrumLoop]:
    """Read the training loops beside a model; performances in pieces, or `whole`.

    Raises:
        ModelError: The file is missing or broken.
    """
    try:
        stored = read_arrays(path)
        loop_ids, n_steps, words = (stored[key] for key in ("loop_ids", "n_steps", "words"))
    except (TableError, KeyError) as error:
        raise ModelError(path, "unreadable", error, "Train the model again.") from error
    each = np.split(words.astype(np.int64), np.cumsum(n_steps)[:-1])
    loops = [
        replace(to_loop(own, steps_per_bar), lineage=Lineage(loop_id=str(loop_id)))
        for loop_id, own in zip(loop_ids, each, strict=True)
    ]
    bars = int(stored.get("piece_bars", 0))
    return cut_pieces(loops, bars) if bars and not whole else loops


def load_held_out(path: Path) -> NDArray[np.float32]:
    """`(n_loops,)` distances of held-out loops to the nearest training loop, ascending.

    A file that was written without them gives none.

    Raises:
        ModelError: The file is missing or broken.
    """
    try:
        stored = read_arrays(path)
    except TableError as error:
        raise ModelError(path, "unreadable", error, "Train the model again.") from error
    return stored.get("held_out_distances", np.zeros(0)).astype(np.float32)


def find_nearest(loops: Sequence[DrumLoop], reference: Sequence[DrumLoop]) -> list[list[Pair]]:
    """The nearest reference loops of each loop, nearest first (see `trapgen.similarity`).

    Rotations by beats and half time count as the same, as they do for the audit.
    """
    if not loops:
        return []
    pairs = find_pairs(loops, reference, max_distance=1.0, stretch=True)
    pairs = pairs[np.lexsort((pairs.distance, pairs.left))]
    starts = np.searchsorted(pairs.left, np.arange(len(loops) + 1))
    return [
        list(pairs[start : min(start + _N_NEAREST, end)])
        for start, end in pairwise(starts.tolist())
    ]


def find_shared_voices(loop: DrumLoop, other: DrumLoop, pair: Pair) -> list[str]:
    """Names of the voices that sound at the same steps in both, as the pair lays them over."""
    ours, theirs = (each.onsets for each in lay_over(loop, other, pair.transform))
    return [
        VOICES[voice].name
        for voice in range(N_VOICES)
        if ours[:, voice].any() and np.array_equal(ours[:, voice], theirs[:, voice])
    ]

"""How much independent material stands behind a side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import VOICES, DrumLoop, repeat_to
from trapgen.similarity import BitSets, connect, near_rows

_PART_BARS: Final = 8
"""Lanes are told apart by this many bars; shorter ones are repeated, longer ones cut."""


def count_sources(loops: Sequence[DrumLoop]) -> Counter[str]:
    """How many loops use each source."""
    return Counter(source for loop in loops for source in loop.lineage.source_ids)


def effective_number(counts: NDArray[np.int64]) -> float:
    """How many equally used things would be as varied: the inverse Simpson index.

    1 / sum(p_i^2), p_i the share of thing i in all uses (Hill 1973, order 2); 0 for nothing.
    """
    uses = np.asarray(counts, float)
    return float(uses.sum() ** 2 / (uses**2).sum()) if uses.any() else 0.0


def effective_sources(
    loops: Sequence[DrumLoop], max_distance: float = 0.0, among: Sequence[DrumLoop] = ()
) -> float:
    """How many equally used sources would be as varied as these loops.

    What the loops' lineage says, or what their lanes say if that is less: loops that were
    recombined elsewhere have no lineage, but the parts they are made of come back in them.

    Args:
        loops: One side's loops.
        max_distance: Jaccard distance up to which two lanes are one part.
        among: The loops of all sides, where windows of one loop may stand on several.
    """
    uses = np.array(list(count_sources(loops).values()), np.int64)
    parts = sum(effective_parts(loops, max_distance, among).values())
    return min(effective_number(uses), parts)


def effective_parts(
    loops: Sequence[DrumLoop], max_distance: float, among: Sequence[DrumLoop] = ()
) -> dict[str, float]:
    """How many equally used lanes would be as varied, of each voice that sounds, by its name.

    Lanes are compared over eight bars from the loop's beginning. Windows of one loop, dealt apart,
    are put together again first. Arguments are those of `effective_sources`.
    """
    whole = _join_windows(loops, among or loops)
    if not whole:
        return {}
    n_bars = min(_PART_BARS, max(loop.n_bars for loop in whole))
    onsets = np.stack([repeat_to(loop, n_bars).onsets for loop in whole])
    found = {}
    for voice, about in enumerate(VOICES):
        voice_matches = onsets[:, :, voice]
        voice_matches = voice_matches[voice_matches.any(axis=1)]
        if len(voice_matches):
            found[about.name] = effective_number(_count_parts(voice_matches, max_distance))
    return found


def _count_parts(voice_matches: NDArray[np.bool_], max_distance: float) -> NDArray[np.int64]:
    """How many of the lanes `(n, n_steps)` play each part; near lanes are one part."""
    distinct, part = BitSets.of(voice_matches).distinct()
    different = distinct.unpack()
    near = near_rows(different, different, max_distance)
    group = connect(len(different), zip(near.ours.tolist(), near.known.tolist(), strict=True))
    return np.bincount(group[part])


def _join_windows(loops: Sequence[DrumLoop], among: Sequence[DrumLoop]) -> list[DrumLoop]:
    """The loops, and in place of windows the loops that they were cut out of."""
    whole = [loop for loop in loops if _window_of(loop) is None]
    if len(whole) == len(loops):
        return whole
    cut_up = {loop.lineage.parents[0] for loop in loops if _window_of(loop) is not None}
    pieces: dict[str, list[tuple[int, DrumLoop]]] = {parent: [] for parent in sorted(cut_up)}
    for loop in among:
        window = _window_of(loop)
        if window is not None and loop.lineage.parents[0] in pieces:
            pieces[loop.lineage.parents[0]].append((window, loop))
    for cuts in pieces.values():
        ordered = [loop for _, loop in sorted(cuts, key=lambda piece: piece[0])]
        velocities = np.concatenate([loop.velocities for loop in ordered])
        whole.append(DrumLoop(velocities, ordered[0].steps_per_bar))
    return whole


def _window_of(loop: DrumLoop) -> int | None:
    """Which bar of its parent the loop is; None for loops that are no windows."""
    window = json.loads(loop.lineage.recipe).get("window") if loop.lineage.recipe else None
    return None if window is None else int(window)

"""Amount of independent material in a split."""

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
"""Length in bars at which voices are compared; shorter ones are repeated, longer ones cut."""


def count_sources(loops: Sequence[DrumLoop]) -> Counter[str]:
    """Number of loops that use each source."""
    return Counter(source for loop in loops for source in loop.lineage.source_ids)


def effective_number(counts: NDArray[np.int64]) -> float:
    """Effective number of equally used items: the inverse Simpson index.

    1 / sum(p_i^2), where p_i is item i's share of all uses (Hill 1973, order 2); 0 if empty.
    """
    uses = np.asarray(counts, float)
    return float(uses.sum() ** 2 / (uses**2).sum()) if uses.any() else 0.0


def effective_sources(
    loops: Sequence[DrumLoop], max_distance: float = 0.0, among: Sequence[DrumLoop] = ()
) -> float:
    """Effective number of equally used sources of these loops.

    The minimum of the numbers by lineage and by voice patterns: loops recombined elsewhere have no
    lineage, but their parts recur.

    Args:
        loops: Loops of one split.
        max_distance: Jaccard distance up to which two voice patterns are one part.
        among: The loops of all splits, where windows of one loop may be in several.
    """
    uses = np.array(list(count_sources(loops).values()), np.int64)
    parts = sum(effective_parts(loops, max_distance, among).values())
    return min(effective_number(uses), parts)


def effective_parts(
    loops: Sequence[DrumLoop], max_distance: float, among: Sequence[DrumLoop] = ()
) -> dict[str, float]:
    """Effective number of equally used patterns of each voice that sounds, by its name.

    Patterns are compared over eight bars from the loop's start. Windows of one loop that are in
    different splits are joined first. Arguments are those of `effective_sources`.
    """
    whole = _join_windows(loops, among or loops)
    if not whole:
        return {}
    n_bars = min(_PART_BARS, max(loop.n_bars for loop in whole))
    onsets = np.stack([repeat_to(loop, n_bars).onsets for loop in whole])
    found = {}
    for voice, about in enumerate(VOICES):
        patterns = onsets[:, :, voice]
        patterns = patterns[patterns.any(axis=1)]
        if len(patterns):
            found[about.name] = effective_number(_count_parts(patterns, max_distance))
    return found


def _count_parts(patterns: NDArray[np.bool_], max_distance: float) -> NDArray[np.int64]:
    """Number of voice patterns `(n, n_steps)` that play each part; near patterns are one part."""
    distinct, part = BitSets.of(patterns).distinct()
    different = distinct.unpack()
    near = near_rows(different, different, max_distance)
    group = connect(len(different), zip(near.ours.tolist(), near.known.tolist(), strict=True))
    return np.bincount(group[part])


def _join_windows(loops: Sequence[DrumLoop], among: Sequence[DrumLoop]) -> list[DrumLoop]:
    """The loops, with windows replaced by the loops that they were cut from."""
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
    """Index of the loop as a bar of its parent; None for loops that are not windows."""
    window = json.loads(loop.lineage.recipe).get("window") if loop.lineage.recipe else None
    return None if window is None else int(window)

"""Sources that a model has learned already, as itself or as a near-duplicate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trapgen.core import N_VOICES, DrumLoop, map_hits
from trapgen.dataset.augment import PART_VOICES
from trapgen.similarity import find_pairs


def find_learned(
    loops: Sequence[DrumLoop], learned: Sequence[DrumLoop], max_distance: float
) -> list[int]:
    """Indices of the loops that are among what a model has learned, ascending.

    A loop counts as learned if one of its sources does, if it lies within `max_distance` of a
    learned loop, or, for a part (kick, snare or hat), of that part of a recombined one.

    Args:
        loops: Standardized loops.
        learned: Loops of the model's training index.
        max_distance: As `split.near_duplicate_distance`.
    """
    sources = {source for loop in learned for source in loop.lineage.source_ids}
    found = {at for at, loop in enumerate(loops) if not sources.isdisjoint(loop.lineage.source_ids)}
    found.update(find_pairs(loops, learned, max_distance).left.tolist())
    for role, voices in PART_VOICES.items():
        ours = [at for at, loop in enumerate(loops) if loop.lineage.role == role]
        known = _take_voices(learned, voices)
        near = find_pairs([loops[at] for at in ours], known, max_distance)
        found.update(ours[at] for at in near.left.tolist())
    return sorted(found)


def _take_voices(loops: Sequence[DrumLoop], voices: Sequence[int]) -> list[DrumLoop]:
    """These voices of the recombined loops, each pattern once."""
    mask = np.zeros(N_VOICES, bool)
    mask[list(voices)] = True
    patterns: dict[bytes, DrumLoop] = {}
    for loop in loops:
        if loop.lineage.recipe and loop.onsets[:, mask].any():
            part = map_hits(loop, lambda hits: np.where(mask, hits, 0).astype(hits.dtype))
            patterns.setdefault(part.onsets.tobytes(), part)
    return list(patterns.values())

"""What held-out loops have in common with the loops that a start model has learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trapgen.audit.loop_matches import LoopMatches
from trapgen.audit.overlap import find_matches, list_overlaps
from trapgen.audit.results import Sided, StartOverlap
from trapgen.core import AuditParams, DrumLoop


def compare_with_start(
    learned: Sequence[DrumLoop], held_out: Sided, params: AuditParams
) -> StartOverlap:
    """Search the loops that a start model has learned for held-out ones, and their sources.

    They are training data of the model that is begun from it: a near-duplicate of a whole loop, or
    a common source, makes a held-out loop no test.

    Args:
        learned: The start model's training index, not empty.
        held_out: Held-out loops with their split.
        params: Distance within which loops are near-duplicates.
    """
    loops = [*learned, *(loop for _, loop in held_out)]
    is_learned = np.arange(len(loops)) < len(learned)
    loop_matches = LoopMatches(loops, params, is_learned)
    matches = [
        match
        for match in find_matches(loop_matches, is_learned, ~is_learned, whole=True)
        if match.distance <= params.near_duplicate_distance
    ]
    sides = ["train"] * len(learned) + [side for side, _ in held_out]
    listing = list_overlaps(loop_matches, matches, sides)
    return StartOverlap(
        len(learned), listing.counts["shared_source"], listing.near_duplicates, tuple(listing.rows)
    )

"""The nearest of all transforms, found by trying every one: what the search is held to."""

from __future__ import annotations

import numpy as np

from trapgen.core import BEATS_A_BAR, DrumLoop
from trapgen.similarity import Transform, lay_over
from trapgen.similarity.distance import Distance, compare_onsets


def find_nearest(
    left: DrumLoop, right: DrumLoop, *, stretch: bool = False, tolerance_steps: int = 0
) -> tuple[Transform, Distance]:
    """The transform under which two loops are nearest, by trying every one.

    All rotations by whole beats of the longer loop's length; with `stretch` also the right loop in
    half time, then the left. Of several that are as near, the first in that order.
    """
    best = None
    beat = left.steps_per_bar // BEATS_A_BAR
    for factor in (1.0, 2.0, 0.5) if stretch else (1.0,):
        ours, theirs = lay_over(left, right, Transform(stretch=factor))
        for beats in range(ours.n_steps // beat):
            turned = np.roll(theirs.onsets, -beats * beat, axis=0)
            found = compare_onsets(ours.onsets, turned, tolerance_steps)
            if best is None or found.jaccard < best[1].jaccard:
                best = Transform(rotation_beats=beats, stretch=factor), found
    assert best is not None  # A loop has a beat.
    return best

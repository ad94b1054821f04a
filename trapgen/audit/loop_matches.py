"""Equal and similar loops, whatever their split.

Computed once, then evaluated for any assignment of loops to splits: the real one and those of the
chance baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.bar_windows import WINDOW_BARS, list_windows
from trapgen.audit.common_patterns import CommonPatterns
from trapgen.audit.voice_matches import VoiceMatches, find_voice_matches
from trapgen.core import AuditParams, DrumLoop, ParameterError, to_words
from trapgen.similarity import Pairs, find_pairs

_SWEEP_POINTS: Final = 8

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """What training and held-out loops have in common, as shares from 0 to 1.

    Attributes:
        windows: Share of the held-out windows that occur in train, by length in bars.
        loops: Share of the held-out loops with a training loop within each distance.
        voices: Share of the held-out loops that share a voice pattern with a training loop, except
            common patterns.
    """

    windows: Mapping[int, float]
    loops: Mapping[float, float]
    voices: float


class LoopMatches:
    """Loops, the distinct patterns among them, and matches between the patterns.

    Attributes:
        loops: All loops.
        params: The thresholds.
        pattern: `(n_loops,)` int64, the same number for loops with the same hits.
        different: The first loop of each pattern.
        windows: Their windows by length in bars; a window's owner is a loop.
    """

    def __init__(
        self, loops: Sequence[DrumLoop], params: AuditParams, known: Mask | None = None
    ) -> None:
        """Number the patterns.

        Args:
            loops: At least one loop.
            params: Distance thresholds.
            known: `(n_loops,)` mask of the loops that define common patterns: the training loops;
                by default all.

        Raises:
            ParameterError: There is no loop, or loops have different grids.
        """
        grids = {loop.steps_per_bar for loop in loops}
        if len(grids) != 1:
            raise ParameterError("steps_per_bar", "the same for all loops", sorted(grids))
        self.loops = loops
        self.params = params
        self._known = np.ones(len(loops), bool) if known is None else known
        numbers: dict[bytes, int] = {}
        self.different: list[DrumLoop] = []
        pattern = []
        for loop in loops:
            number = numbers.setdefault(to_words(loop).tobytes(), len(numbers))
            pattern.append(number)
            if number == len(self.different):
                self.different.append(loop)
        self.pattern = np.array(pattern, np.int64)
        self.windows = {n_bars: list_windows(loops, n_bars) for n_bars in WINDOW_BARS}

    @cached_property
    def near(self) -> Pairs:
        """Pairs of patterns within the similar distance, in both orders, and each with itself."""
        distance = self.params.similar_distance
        return find_pairs(self.different, self.different, distance, stretch=True)

    def near_across(self, left: Mask, right: Mask) -> Pairs:
        """The same pairs, from one set of patterns, `(n_patterns,)`, to another."""
        if "near" in vars(self):
            return self.near[left[self.near.left] & right[self.near.right]]
        ours, theirs = np.flatnonzero(left), np.flatnonzero(right)
        found = find_pairs(
            [self.different[at] for at in ours],
            [self.different[at] for at in theirs],
            self.params.similar_distance,
            stretch=True,
        )
        return replace(
            found,
            left=ours[found.left].astype(np.int32),
            right=theirs[found.right].astype(np.int32),
        )

    @cached_property
    def voice_matches(self) -> VoiceMatches:
        """Voices that two patterns have in common, except common patterns."""
        known = [self.loops[at] for at in np.flatnonzero(self._known).tolist()]
        return find_voice_matches(
            self.different, CommonPatterns(known), self.params.common_pattern_share
        )

    def holds(self, loops: Mask) -> Mask:
        """`(n_patterns,)` mask of the patterns of some loops, `(n_loops,)`."""
        found = np.zeros(len(self.different), bool)
        found[self.pattern[loops]] = True
        return found

    def loops_by_pattern(self, loops: Mask) -> dict[int, list[int]]:
        """Indices, ascending, of those among some loops, `(n_loops,)`, that have each pattern."""
        found: dict[int, list[int]] = {}
        for at in np.flatnonzero(loops).tolist():
            found.setdefault(int(self.pattern[at]), []).append(at)
        return found

    def measure(self, train: Mask, held_out: Mask) -> Measures:
        """What the held-out loops have in common with the training loops.

        Args:
            train: `(n_loops,)` mask of training loops.
            held_out: `(n_loops,)` mask of held-out loops.
        """
        in_train = self.holds(train)
        nearest = np.full(len(self.different), np.inf)
        near = self.near_across(in_train, self.holds(held_out))
        np.minimum.at(nearest, near.right, near.distance)
        taken = np.zeros(len(self.different), bool)
        ends = self.voice_matches.target, self.voice_matches.query
        for ours, theirs in (ends, ends[::-1]):
            taken[theirs[in_train[ours]]] = True
        of_held_out = self.pattern[held_out]
        return Measures(
            windows={
                n_bars: windows.share_exact(train, held_out)
                for n_bars, windows in self.windows.items()
            },
            loops={
                distance: float((nearest[of_held_out] <= np.float32(distance)).mean())
                for distance in sweep_distances(self.params)
            },
            voices=float((taken | in_train)[of_held_out].mean()),
        )


def sweep_distances(params: AuditParams) -> list[float]:
    """Thresholds that the report evaluates, evenly spaced from 0 to the similar distance."""
    points = np.linspace(0, params.similar_distance, _SWEEP_POINTS)
    return [round(float(point), 4) for point in points]

"""Windows of consecutive bars, and the share of them found in both train and held-out loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, N_VOICES, DrumLoop
from trapgen.similarity import BitSets, share_near

WINDOW_BARS: Final = (1, 2, 4)
"""Lengths of the windows that are compared, in bars."""

FULL_BAR: Final = 6
"""Minimum hits per bar for bars, windows and loops to count as more than a common pattern: with two
hits changed, at most a third of all hits differs."""


@dataclass(frozen=True)
class BarWindows:
    """Windows of one length that contain a hit.

    Attributes:
        n_bars: Length of the windows.
        owner: `(n_windows,)` int64, index of the loop.
        beat: `(n_windows,)` int64, first beat in the loop, from 0.
        pattern: `(n_windows,)` int64, the same number for the same hits.
        onsets: The hits of each pattern, beat by beat in whole bytes.
    """

    n_bars: int
    owner: NDArray[np.int64]
    beat: NDArray[np.int64]
    pattern: NDArray[np.int64]
    onsets: BitSets

    def share_exact(self, train: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> float:
        """Share of the held-out windows that occur in train.

        Args:
            train: `(n_loops,)` mask of training loops.
            held_out: `(n_loops,)` mask of held-out loops.
        """
        known = np.zeros(len(self.onsets), bool)
        known[self.pattern[train[self.owner]]] = True
        ours = known[self.pattern[held_out[self.owner]]]
        return float(ours.mean()) if len(ours) else 0.0

    def share_near(
        self, train: NDArray[np.bool_], held_out: NDArray[np.bool_], max_distance: float
    ) -> float:
        """Share of the held-out windows within `max_distance` of a training window."""
        known = np.unique(self.pattern[train[self.owner]])
        ours, counts = np.unique(self.pattern[held_out[self.owner]], return_counts=True)
        if not len(ours) or not len(known):
            return 0.0
        near = share_near(self.onsets[ours].unpack(), self.onsets[known].unpack(), max_distance)
        return float(counts[near].sum() / counts.sum())


def list_windows(
    loops: Sequence[DrumLoop], n_bars: int, *, at_every_beat: bool = False
) -> BarWindows:
    """Every window of `n_bars` of some loops; shorter loops have none.

    Args:
        loops: At least one loop; all on one grid.
        n_bars: Length of the windows.
        at_every_beat: Whether windows begin at every beat and wrap around the loop's end, rather
            than at every bar up to the last that fits.
    """
    n_beats = n_bars * BEATS_A_BAR
    width = -(-loops[0].steps_per_bar // BEATS_A_BAR * N_VOICES // 8) * n_beats
    rows, owner, place = [np.zeros((0, width), np.uint8)], [], []
    for at, loop in enumerate(loops):
        if loop.n_bars < n_bars:
            continue
        beats = BitSets.of(loop.onsets.reshape(loop.n_bars * BEATS_A_BAR, -1)).packed
        if at_every_beat:
            beats = np.concatenate([beats, beats[: n_beats - 1]])
        windows = np.lib.stride_tricks.sliding_window_view(beats, n_beats, axis=0)
        windows = windows[:: 1 if at_every_beat else BEATS_A_BAR]
        rows.append(windows.transpose(0, 2, 1).reshape(len(windows), -1))
        owner += [at] * len(windows)
        place.append(np.arange(len(windows)) * (1 if at_every_beat else BEATS_A_BAR))
    onsets = np.concatenate(rows)
    sounding = onsets.any(axis=1)
    different, pattern = BitSets(onsets[sounding], 8 * width).distinct()
    return BarWindows(
        n_bars=n_bars,
        owner=np.array(owner, np.int64)[sounding],
        beat=np.concatenate(place or [np.zeros(0, np.int64)])[sounding],
        pattern=pattern,
        onsets=different,
    )


def exact_bar_overlap(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> float:
    """Share of the others' bars that equal a bar of train; silent bars are skipped.

    Args:
        train: Loops, on one grid with the others; at least one of both.
        others: Loops.
    """
    is_train = np.arange(len(train) + len(others)) < len(train)
    return list_windows([*train, *others], 1).share_exact(is_train, ~is_train)

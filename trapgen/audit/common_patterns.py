"""Chance model of voice patterns: common patterns match by chance and do not suggest copying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, DrumLoop

_RATE_PRIOR = 0.5


class CommonPatterns:
    """A chance model of voice patterns: one voice's hits, bar by bar.

    The probability of a bar of a voice is the share of sources that play it, interpolated with
    independent hits at the rate of their step in the bar (Witten & Bell 1991, with one unseen
    event). Repeated bars add no factor, since loops repeat: the probability of a voice pattern is
    the product over its distinct bars. Loops recombined from a common source are not independent,
    and count once.
    """

    def __init__(self, loops: Sequence[DrumLoop]) -> None:
        """Count how often each bar of each voice is played.

        Args:
            loops: Loops on one grid, at least one: the training loops.
        """
        self._n_sources = len({x for loop in loops for x in loop.lineage.source_ids} or loops)
        self._played: list[Counter[bytes]] = [Counter() for _ in range(N_VOICES)]
        common: list[dict[bytes, set[str]]] = [{} for _ in range(N_VOICES)]
        steps = loops[0].steps_per_bar
        rates = np.full((N_VOICES, steps), _RATE_PRIOR)
        n_sounding = np.ones((N_VOICES, 1))
        for loop in loops:
            sources = set(loop.lineage.source_ids)
            bars = loop.onsets.reshape(loop.n_bars, steps, N_VOICES)
            for voice in np.flatnonzero(bars.any(axis=(0, 1))).tolist():
                pattern = bars[:, :, voice]
                rates[voice] += pattern.mean(axis=0)
                n_sounding[voice] += 1
                for bar in {bar.tobytes() for bar in pattern}:
                    before = common[voice].get(bar, set())
                    shared = before & sources
                    self._played[voice][bar] += not shared
                    common[voice][bar] = shared or sources or before
        rates /= n_sounding
        self._log_hit, self._log_rest = np.log2(rates), np.log2(1 - rates)

    def bits_of_bars(self, voice: int, bars: NDArray[np.bool_]) -> NDArray[np.float64]:
        """`(n_bars,)` surprisal in bits of each bar `(n_bars, steps_per_bar)` of a voice pattern.

        One of the sources that play a bar is not counted: the pattern itself, or its copy.
        """
        by_place = np.where(bars, self._log_hit[voice], self._log_rest[voice]).sum(axis=1)
        others = np.array([self._played[voice][bar.tobytes()] for bar in bars]) - 1
        likely = (np.maximum(others, 0) + np.exp2(by_place)) / (self._n_sources + 1)
        return np.asarray(-np.log2(likely), float)

    def bits(self, loop: DrumLoop, voice: int) -> float:
        """Surprisal of a loop's voice in bits: the sum over its distinct bars."""
        bars = np.unique(loop.onsets[:, voice].reshape(loop.n_bars, -1), axis=0)
        return float(self.bits_of_bars(voice, bars).sum())

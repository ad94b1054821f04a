"""Calibration: whether events predicted with probability 0.3 occur in 30% of the cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 10
"""Number of probability bins of equal width."""


def _zeros() -> NDArray[np.float64]:
    return np.zeros(N_BINS)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted probabilities and observed frequencies, by probability bin.

    Attributes:
        n: `(N_BINS,)` predictions in each bin.
        predicted: `(N_BINS,)` sum of their probabilities.
        observed: `(N_BINS,)` number of events that occurred.
    """

    n: NDArray[np.float64] = field(default_factory=_zeros)
    predicted: NDArray[np.float64] = field(default_factory=_zeros)
    observed: NDArray[np.float64] = field(default_factory=_zeros)

    @classmethod
    def of(cls, probability: NDArray[Any], came_true: NDArray[np.bool_]) -> Reliability:
        """Bin `(n,)` probabilities and whether each event occurred."""
        probability = probability.astype(np.float64)
        # 1 belongs to the last bin; float32 sums may exceed it.
        place = np.clip((probability * N_BINS).astype(np.int64), 0, N_BINS - 1)
        return cls(
            np.bincount(place, minlength=N_BINS).astype(np.float64),
            np.bincount(place, probability, N_BINS).astype(np.float64),
            np.bincount(place, came_true, N_BINS).astype(np.float64),
        )

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(
            self.n + other.n, self.predicted + other.predicted, self.observed + other.observed
        )

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 to 1.

        Mean absolute difference between predicted and observed frequency over the bins, weighted
        by their predictions (Guo et al. 2017, arXiv 1706.04599, eq. 3); 0 without any.
        """
        n = self.n.sum()
        return float(np.abs(self.observed - self.predicted).sum() / n) if n else 0.0

    def rows(self, least: int = 1) -> list[dict[str, float]]:
        """`predicted`, `observed`, both means, and `n` of every bin of `least` predictions."""
        return [
            {"predicted": float(p / n), "observed": float(o / n), "n": int(n)}
            for n, p, o in zip(self.n, self.predicted, self.observed, strict=True)
            if n >= least
        ]

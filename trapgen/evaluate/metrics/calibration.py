"""Whether what is said to happen in three of ten cases does so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 10
"""Bins of equal width that probabilities are sorted into."""


def _zeros() -> NDArray[np.float64]:
    return np.zeros(N_BINS)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted probabilities against what happened, in bins of the probability.

    Attributes:
        n: `(N_BINS,)` predictions in each bin.
        predicted: `(N_BINS,)` sum of their probabilities.
        observed: `(N_BINS,)` how many came true.
    """

    n: NDArray[np.float64] = field(default_factory=_zeros)
    predicted: NDArray[np.float64] = field(default_factory=_zeros)
    observed: NDArray[np.float64] = field(default_factory=_zeros)

    @classmethod
    def of(cls, probability: NDArray[Any], came_true: NDArray[np.bool_]) -> Reliability:
        """Of `(n,)` probabilities, and whether each came true."""
        probability = probability.astype(np.float64)
        # 1 belongs to the last bin; sums of float32 may go past it.
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

        Mean distance between predicted and observed over the bins, weighted by their predictions
        (Guo et al. 2017, arXiv 1706.04599, eq. 3); 0 without any.
        """
        n = self.n.sum()
        return float(np.abs(self.observed - self.predicted).sum() / n) if n else 0.0

    def rows(self, least: int = 1) -> list[dict[str, float]]:
        """`predicted`, `observed`, both as means, and `n` of every bin of `least` predictions."""
        return [
            {"predicted": float(p / n), "observed": float(o / n), "n": int(n)}
            for n, p, o in zip(self.n, self.predicted, self.observed, strict=True)
            if n >= least
        ]

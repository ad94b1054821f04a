"""Weights of the key-map scores, in nats, learned on Groove."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trapgen.core import KEY_MAPS
from trapgen.ingest.keymap.groove_statistics import read_groove
from trapgen.ingest.keymap.readings import MAP_TERMS, RHYTHM_TERMS


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of each term in nats.

    Attributes:
        rhythm: `(16,)` float64, for `RHYTHM_TERMS`.
        of_map: `(3,)` float64, for `MAP_TERMS`.
        prior: `(n_maps,)` float64, log prior of each map, in the order of `KEY_MAPS`.
    """

    rhythm: NDArray[np.float64]
    of_map: NDArray[np.float64]
    prior: NDArray[np.float64]

    def score(
        self, rhythm: NDArray[np.float64], of_map: NDArray[np.float64], trust: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Score of each key map, `(..., n_maps)` float64, in nats.

        Args:
            rhythm: `(..., n_maps, 16)`, terms of the reading of each map.
            of_map: `(..., n_maps, 3)`, terms of each map.
            trust: `(...,)`, from 0 to 1 (see `Evidence`).
        """
        trust = trust[..., None]
        heard = rhythm @ self.rhythm + of_map[..., 0] * self.of_map[0]
        # The prior needs no rhythm; without one, a map that explains little gets no credit for it.
        prior = np.where(self.prior > 0, trust, 1) * self.prior
        scores: NDArray[np.float64] = trust * (
            trust * heard + prior + of_map[..., 1:] @ self.of_map[1:]
        )
        return scores


def share_out(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities `(..., n_maps)` that sum to 1, from nats."""
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    out: NDArray[np.float64] = shares / shares.sum(-1, keepdims=True)
    return out


@cache
def groove_weights() -> Weights:
    """Weights learned on Groove."""
    nats = read_groove()["nats"]
    parts = (RHYTHM_TERMS, MAP_TERMS, KEY_MAPS)
    return Weights(*(np.array([nats[name] for name in part]) for part in parts))

"""What counts for and against a key map, in nats learned on Groove."""

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
    """Nats for each thing counted.

    Attributes:
        rhythm: `(16,)` float64, for `RHYTHM_TERMS`.
        of_map: `(3,)` float64, for `MAP_TERMS`.
        prior: `(n_maps,)` float64, before any note is heard, in the order of `KEY_MAPS`.
    """

    rhythm: NDArray[np.float64]
    of_map: NDArray[np.float64]
    prior: NDArray[np.float64]

    def score(
        self, rhythm: NDArray[np.float64], of_map: NDArray[np.float64], trust: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How much speaks for each key map, `(..., n_maps)` float64, in nats.

        Args:
            rhythm: `(..., n_maps, 16)`, what is counted of the reading of each map.
            of_map: `(..., n_maps, 3)`, what is counted of each map.
            trust: `(...,)`, from 0 to 1 (see `Evidence`).
        """
        trust = trust[..., None]
        heard = rhythm @ self.rhythm + of_map[..., 0] * self.of_map[0]
        # What is usual holds without a rhythm; that a map explains little is no merit then.
        prior = np.where(self.prior > 0, trust, 1) * self.prior
        scores: NDArray[np.float64] = trust * (
            trust * heard + prior + of_map[..., 1:] @ self.of_map[1:]
        )
        return scores


def share_out(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities `(..., n_maps)` that add up to 1, from nats."""
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    out: NDArray[np.float64] = shares / shares.sum(-1, keepdims=True)
    return out


@cache
def groove_weights() -> Weights:
    """The numbers learned on Groove."""
    nats = read_groove()["nats"]
    parts = (RHYTHM_TERMS, MAP_TERMS, KEY_MAPS)
    return Weights(*(np.array([nats[name] for name in part]) for part in parts))

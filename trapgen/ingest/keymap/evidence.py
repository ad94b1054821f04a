"""Voice classifier for groups of strikes by rhythm: logistic regression (`training.keymap`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.ingest.keymap.groove_statistics import read_groove

_LIMIT: Final = 4.0


@dataclass(frozen=True, slots=True)
class VoiceTable:
    """Parameters of the classifier.

    Attributes:
        mean: `(18,)` float64, of the features.
        deviation: `(18,)` float64, standard deviation of the features.
        weights: `(37, 9)` float64, of the features' expansion (`expand`), for each voice.
        prior: `(9,)` float64, log share of each voice among the training examples.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    prior: NDArray[np.float64]


def expand(
    features: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Constant 1, standardized features clipped at 4, and their squares: `(n, 37)`."""
    standard = np.clip((features - mean) / deviation, -_LIMIT, _LIMIT)
    return np.hstack([np.ones((len(features), 1)), standard, standard**2])


@cache
def groove_table() -> VoiceTable:
    """Parameters learned on Groove."""
    return VoiceTable(**{name: np.array(part) for name, part in read_groove()["voices"].items()})


def voice_evidence(
    features: NDArray[np.float64], table: VoiceTable | None = None
) -> NDArray[np.float64]:
    """Log likelihood ratio of each voice given the rhythm: log P(voice | rhythm) / P(voice).

    Args:
        features: `(n_groups, 18)`, from `describe_groups`.
        table: Parameters of the classifier; Groove's if None.

    Returns:
        `(n_groups, 9)` float64, in nats.
    """
    table = table or groove_table()
    logits = expand(features, table.mean, table.deviation) @ table.weights
    logits -= logits.max(1, keepdims=True)
    shares: NDArray[np.float64] = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return shares - table.prior

"""Voice classifier: multinomial logistic regression on groups of strikes from Groove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.keymap.cases import Performance
from trapgen.core import N_VOICES, key_map
from trapgen.ingest.keymap import VoiceTable, describe_groups, expand

_RIDGE: Final = 1e-3
_RAREST: Final = 1e-6


def read_examples(
    performances: Sequence[Performance],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]:
    """Features `(n, 18)`, voices `(n,)` and drummers `(n,)` of groups of strikes.

    Every pitch of a performance is an example, and every voice played on several pitches.
    """
    rows: list[NDArray[np.float64]] = []
    truth: list[NDArray[np.int64]] = []
    drummers: list[str] = []
    for performance in performances:
        strikes = performance.strikes
        pitches = strikes.pitches.astype(np.int64)
        column_of = key_map("roland_td11").column_of
        found, described = describe_groups(strikes, pitches)
        merged, of_voices = describe_groups(strikes, column_of[pitches])
        rows.append(described)
        truth.append(column_of[found])
        if len(merged) < len(found):
            rows.append(of_voices)
            truth.append(merged)
        drummers += [performance.drummer] * (sum(map(len, truth)) - len(drummers))
    return np.concatenate(rows), np.concatenate(truth), np.array(drummers)


def fit_voices(features: NDArray[np.float64], voices: NDArray[np.int64]) -> VoiceTable:
    """Multinomial logistic regression with a ridge on all weights but the constants.

    Args:
        features: `(n, 18)`, from `describe_groups`.
        voices: `(n,)`, columns of the kit.
    """
    from scipy.optimize import minimize

    mean, deviation = features.mean(0), features.std(0)
    inputs = expand(features, mean, deviation)
    truth = np.eye(N_VOICES)[voices]
    penalized = np.ones((inputs.shape[1], 1))
    penalized[0] = 0

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, N_VOICES)
        logits = inputs @ weights
        logits -= logits.max(1, keepdims=True)
        log_shares = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        slope = inputs.T @ (np.exp(log_shares) - truth) / len(inputs)
        slope += 2 * _RIDGE * penalized * weights
        value = -(log_shares * truth).sum() / len(inputs) + _RIDGE * (penalized * weights**2).sum()
        return float(value), slope.ravel()

    start = np.zeros(inputs.shape[1] * N_VOICES)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000, "maxcor": 20}
    )
    prior = np.log(np.maximum(truth.mean(0), _RAREST))
    return VoiceTable(mean, deviation, found.x.reshape(-1, N_VOICES), prior)

"""How the numbers of `trapgen.keymap.groove` were made.

    python -m trapgen.keymap.fit DIR

prints the table that stands there. DIR is the Groove MIDI Dataset v1.0.0 (Gillick et al. 2019,
CC BY 4.0), of which the published train split is read and nothing else. Every pitch of a
performance, and every voice where several pitches play one, is an example: the features of
`describe_groups`, and the voice by the Roland TD-11 map.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.keymap.features import FEATURES, describe_groups
from trapgen.keymap.groove import expand
from trapgen.kit import N_VOICES, key_map
from trapgen.midi import read_strikes

_RIDGE: Final = 1e-3
_RAREST: Final = 1e-6
_STEPS: Final = 3000
_STEP_SIZE: Final = 0.03


def read_examples(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features `(n, 18)` and voices `(n,)` of the train split of a copy of Groove."""
    voices = key_map("roland_td11").voices
    rows: list[NDArray[np.float64]] = []
    truth: list[int] = []
    with (folder / "info.csv").open(newline="") as file:
        files = [row["midi_filename"] for row in csv.DictReader(file) if row["split"] == "train"]
    for name in files:
        strikes = read_strikes(folder / name)
        if not len(strikes):
            continue
        pitches = strikes.pitches.astype(np.int64)
        played = np.array([voices[pitch] for pitch in pitches.tolist()])
        found, described = describe_groups(strikes, pitches)
        rows += list(described)
        truth += [voices[pitch] for pitch in found.tolist()]
        merged, described = describe_groups(strikes, played)
        if len(merged) < len(found):
            rows += list(described)
            truth += merged.tolist()
    return np.array(rows), np.array(truth)


def fit(
    features: NDArray[np.float64], voices: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Multinomial logistic regression with a ridge, by Adam (Kingma and Ba 2015) on all examples.

    Returns:
        Means `(18,)` and deviations `(18,)` of the features, weights `(37, 9)` of their expansion
        (`trapgen.keymap.groove.expand`), and the log share of each voice `(9,)`.
    """
    mean, deviation = features.mean(0), features.std(0)
    inputs = expand(features, mean, deviation)
    truth = np.eye(N_VOICES)[voices]
    weights = np.zeros((inputs.shape[1], N_VOICES))
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    penalized = np.ones((inputs.shape[1], 1))
    penalized[0] = 0
    for step in range(1, _STEPS + 1):
        logits = inputs @ weights
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        slope = inputs.T @ (shares - truth) / len(inputs) + 2 * _RIDGE * penalized * weights
        first += 0.1 * (slope - first)
        second += 0.001 * (slope**2 - second)
        size = _STEP_SIZE * (1 - step / (_STEPS + 1))
        weights -= size * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return mean, deviation, weights, np.log(np.maximum(truth.mean(0), _RAREST))


def main() -> None:
    """Print the table for the copy of Groove named on the command line."""
    mean, deviation, weights, prior = fit(*read_examples(Path(sys.argv[1])))
    n = len(FEATURES)
    _print_row("prior", prior)
    _print_row("one", weights[0])
    for at, name in enumerate(FEATURES):
        _print_row(name, np.array([mean[at], deviation[at], *weights[1 + at]]))
        _print_row(f"{name}^2", weights[1 + n + at])


def _print_row(name: str, values: NDArray[np.float64]) -> None:
    print(name, *(f"{value:.3f}" for value in values))


if __name__ == "__main__":
    main()

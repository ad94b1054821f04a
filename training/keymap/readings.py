"""Weights of the key-map scores: conditional logistic regression on transferred performances.

The likelihood of a case is the summed probability of the maps that read it correctly (McFadden
1974). Ridge penalties shrink the weights of terms to 0, and the priors of maps to usual values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.keymap.cases import Performance, move
from trapgen.core import KEY_MAPS, Columns
from trapgen.ingest.keymap import (
    MAP_TERMS,
    RHYTHM_TERMS,
    VoiceTable,
    Weights,
    count_bars,
    gather_evidence,
    share_out,
)

LONG_BARS: Final = 8
"""Bars from which a case has full weight, and is used to choose the acceptance threshold."""

_SHORT_COUNTS: Final = 0.3
_RIDGE: Final = 0.1
_MAP_RIDGE: Final = 3.0
# Percussion that General MIDI has keys for but the kit has not. No case has any, so the fit would
# exclude it; other files have some.
_OTHER_PERCUSSION: Final = -9.0
# Every map is equally frequent among the cases; in practice General MIDI is far more frequent. A
# map of pads explains little: a rhythm that it does explain is likely its own.
_USUAL: Final[Mapping[str, float]] = {"gm": 0.0, "akai_mpc": 0.0, "pads_c1": 0.0}
_UNUSUAL: Final = -2.0
# A pitch that the map lacks is never in a case's correct reading, so only this bounds its cost from
# below.
_UNKNOWN_PITCH: Final = -17.0
_N_RHYTHM: Final = len(RHYTHM_TERMS)
_UNKNOWN, _PERCUSSION = map(MAP_TERMS.index, ("unknown_pitches", "other_percussion"))


@dataclass(frozen=True, eq=False)
class Cases(Columns):
    """Performances on the keys of every map, read through all maps.

    Attributes:
        rhythm: `(n, n_maps, 16)` float64, `RHYTHM_TERMS` of the reading of each map.
        of_map: `(n, n_maps, 3)` float64, `MAP_TERMS`.
        trust: `(n,)` float64.
        reading: `(n, n_maps)` int64, equal for maps that read the case alike.
        is_right: `(n, n_maps)` bool.
        is_long: `(n,)` bool, `LONG_BARS` or more.
        drummers: `(n,)` str.
    """

    rhythm: NDArray[np.float64]
    of_map: NDArray[np.float64]
    trust: NDArray[np.float64]
    reading: NDArray[np.int64]
    is_right: NDArray[np.bool_]
    is_long: NDArray[np.bool_]
    drummers: NDArray[np.str_]


def gather_cases(
    performances: Sequence[Performance], tables: Mapping[str, VoiceTable | None]
) -> Cases:
    """Every performance on the keys of every map.

    Args:
        performances: Not empty.
        tables: Voice classifier for each drummer's performances; Groove's if None.
    """
    rows = []
    for performance in performances:
        for table in KEY_MAPS.values():
            if (moved := move(performance, table)) is None:
                continue
            strikes, voices = moved
            evidence = gather_evidence(strikes, tables[performance.drummer])
            truth = voices[np.unique(strikes.pitches, return_index=True)[1]]
            at = evidence.reading_of_map
            rows.append(
                (
                    evidence.rhythm[at],
                    evidence.of_map,
                    evidence.trust,
                    at,
                    (evidence.voices == truth).all(1)[at],
                    count_bars(strikes) >= LONG_BARS,
                    performance.drummer,
                )
            )
    return Cases(*(np.array(column) for column in zip(*rows, strict=True)))


def fit_weights(cases: Cases) -> Weights:
    """Maximum-likelihood weights of the cases' correct readings (L-BFGS from the usual values)."""
    from scipy.optimize import minimize

    usual = np.array([_USUAL.get(name, _UNUSUAL) for name in KEY_MAPS])
    center = np.concatenate([np.zeros(_N_RHYTHM + len(MAP_TERMS)), usual])
    center[_N_RHYTHM + _UNKNOWN] = _UNKNOWN_PITCH
    center[_N_RHYTHM + _PERCUSSION] = _OTHER_PERCUSSION
    ridge = np.full(len(center), _RIDGE)
    ridge[-len(usual) :] = _MAP_RIDGE
    counts = np.where(cases.is_long, 1, _SHORT_COUNTS)
    trust = cases.trust[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = _unpack(flat)
        shares = share_out(weights.score(cases.rhythm, cases.of_map, cases.trust))
        of_right = np.maximum((shares * cases.is_right).sum(1), 1e-12)
        value = (ridge * (flat - center) ** 2).sum() - (counts * np.log(of_right)).sum()
        # Gradient with respect to the maps' scores, then to the weights.
        slope = shares * (1 - cases.is_right / of_right[:, None]) * counts[:, None] * trust
        by_map = np.einsum("nm,nmk->k", slope, cases.of_map)
        by_map[0] = (slope * trust * cases.of_map[:, :, 0]).sum()
        by_map[_PERCUSSION] = 0
        by_prior = (slope * np.where(weights.prior > 0, trust, 1)).sum(0)
        by_rhythm = (slope * trust).ravel() @ cases.rhythm.reshape(-1, _N_RHYTHM)
        by_all = np.concatenate([by_rhythm, by_map, by_prior])
        return float(value), by_all + 2 * ridge * (flat - center)

    found = minimize(loss, center, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return _unpack(found.x)


def _unpack(flat: NDArray[np.float64]) -> Weights:
    rhythm, of_map, prior = np.split(flat, [_N_RHYTHM, _N_RHYTHM + len(MAP_TERMS)])
    return Weights(rhythm, of_map, prior)


def read_cases(cases: Cases, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each case's likeliest reading, `(n,)`, and whether it is correct."""
    shares = share_out(weights.score(cases.rhythm, cases.of_map, cases.trust))
    alike = cases.reading[:, :, None] == cases.reading[:, None, :]
    of_reading = (alike * shares[:, None, :]).sum(2)
    best = of_reading.argmax(1)
    every = np.arange(len(best))
    return of_reading[every, best], cases.is_right[every, best]


def cross_validate(cases: Cases) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """`read_cases` of each drummer's cases, with weights fitted on the other drummers."""
    confidence = np.zeros(len(cases.trust))
    is_right = np.zeros(len(cases.trust), bool)
    for drummer in np.unique(cases.drummers):
        mine = cases.drummers == drummer
        weights = fit_weights(cases.take(~mine))
        confidence[mine], is_right[mine] = read_cases(cases.take(mine), weights)
    return confidence, is_right


def choose_sure(
    confidence: NDArray[np.float64], is_right: NDArray[np.bool_], unsure: float = 0.93
) -> float:
    """The lowest threshold, in hundredths, at which cases not surely right are mostly unsure.

    Args:
        confidence: `(n,)`, of the likeliest readings.
        is_right: `(n,)`, whether they are correct.
        unsure: Minimum share of unsure cases among all that are unsure or confidently wrong.
    """
    for hundredths in range(50, 100):
        sure = confidence >= hundredths / 100
        n_rest = np.count_nonzero(~(sure & is_right))
        if np.count_nonzero(~sure) >= unsure * n_rest:
            return hundredths / 100
    return 1.0

"""Bootstrap intervals: how far a figure would vary with other sources.

Recombined loops share parents and are therefore not independent, so sources are resampled instead
of loops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop

REPLICATES: Final = 1000
_LEVEL: Final = 0.95

Weights = NDArray[np.float64]


class Interval(NamedTuple):
    """A figure's 95% interval."""

    low: float
    high: float


def draw_weights(
    loops: Sequence[DrumLoop],
    rng: np.random.Generator,
    n_replicates: int = REPLICATES,
    components: Mapping[str, int] | None = None,
) -> Weights:
    """Bootstrap weights of loops, with sources resampled.

    Every independent source gets an exponentially distributed weight, and a loop the
    product of those of its sources: the Bayesian bootstrap of crossed factors (Owen and Eckles
    2012, doi 10.1214/12-AOAS547), which errs on the wide side. A loop without lineage counts as a
    source of its own.

    Args:
        loops: Loops; `source_ids` of their lineage are read.
        rng: Random generator of the weights.
        n_replicates: Number of replicates.
        components: The group of related sources of each source, by its id; a missing source is a
            group of its own.

    Returns:
        `(n_replicates, n_loops)`, with mean 1.
    """
    groups: dict[object, int] = {}
    known = components or {}
    weights = np.ones((n_replicates, len(loops)))
    members: list[set[object]] = [
        {known.get(source, source) for source in loop.lineage.source_ids} or {f"loop {at}"}
        for at, loop in enumerate(loops)
    ]
    for of_loop in members:
        for group in sorted(of_loop, key=str):
            groups.setdefault(group, len(groups))
    drawn = rng.standard_exponential((n_replicates, len(groups)))
    for at, of_loop in enumerate(members):
        weights[:, at] = drawn[:, [groups[group] for group in of_loop]].prod(axis=1)
    return weights


def bound_ratio(totals: Weights, sizes: NDArray[np.int64], weights: Weights) -> Interval:
    """Interval of a ratio of totals, such as bits per step.

    Args:
        totals: `(n_loops,)` each loop's share of the numerator.
        sizes: `(n_loops,)` each loop's share of the denominator.
        weights: `(n_replicates, n_loops)`.
    """
    return bound(weights @ totals / (weights @ sizes))


def bound(replicates: Weights) -> Interval:
    """The middle 95% of `(n_replicates,)` figures."""
    low, high = np.quantile(replicates, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(low), float(high))

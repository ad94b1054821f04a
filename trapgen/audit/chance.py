"""The chance baseline: how much independent sources overlap by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from trapgen.audit.findings import Chance, Sided
from trapgen.audit.overlap import exact_bar_overlap, link_by_rare_bars
from trapgen.params import AuditParams
from trapgen.similarity import cluster, connect

_INTERVAL: Final = (2.5, 97.5)
_MIN_GROUPS: Final = 8
"""Below this many independent groups a permutation says nothing."""


def chance_overlap(
    sided: Sided,
    params: AuditParams,
    rng: np.random.Generator,
    draw_independent: Callable[[np.random.Generator], Sided] | None,
) -> Chance:
    """How much of the held-out bars stands in train when the sides are independent.

    Args:
        sided: Every loop with its side.
        params: How many draws, and how near is related.
        rng: Decides the draws.
        draw_independent: Makes sides of the same sources anew, by an independent split; without
            it, whole groups of related loops are dealt anew.
    """
    method = "the same sources split and recombined anew"
    if draw_independent is None:
        draw_independent, n_groups = _deal_groups(sided, params)
        if n_groups < _MIN_GROUPS:
            return Chance(0.0, 0.0, 0.0, 0, f"not known: {n_groups} independent groups of loops")
        method = "groups of related loops dealt to sides anew"
    shares = []
    for _ in range(params.chance_replicates):
        drawn = draw_independent(rng)
        ours = [loop for side, loop in drawn if side == "train"]
        shares.append(exact_bar_overlap(ours, [x for side, x in drawn if side != "train"]))
    low, high = np.percentile(shares, _INTERVAL)
    return Chance(float(np.mean(shares)), float(low), float(high), len(shares), method)


def _deal_groups(
    sided: Sided, params: AuditParams
) -> tuple[Callable[[np.random.Generator], Sided], int]:
    """A draw that deals whole groups of related loops, and how many groups there are."""
    loops = [loop for _, loop in sided]
    near = cluster(loops, params.near_duplicate_distance)
    # A bar copied from one loop into another makes them relatives, or chance would take the copies
    # along and find them likely.
    links = [*link_by_rare_bars(loops), *((first, at) for at, first in enumerate(near.tolist()))]
    groups = connect(len(loops), links)
    names = np.unique(groups)
    share = float(np.mean([side != "train" for side, _ in sided]))
    n_held_out = max(1, round(share * len(names)))

    def draw(rng: np.random.Generator) -> Sided:
        away = set(rng.permutation(names)[:n_held_out].tolist())
        return [
            ("validation" if group in away else "train", loop)
            for group, loop in zip(groups.tolist(), loops, strict=True)
        ]

    return draw, len(names)

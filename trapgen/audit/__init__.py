"""The overlap audit: what the training side and the other sides have in common, and the gate.

Bars and loops as bits, pairs across sides over the threshold, a verdict. Overlap is read against
chance (how much independent sources overlap by themselves) and against a self-test (leaks put in
on purpose, and how many of them the search found).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trapgen.audit.chance import chance_overlap
from trapgen.audit.findings import Audit, Chance, Decision, Overlap, Sided
from trapgen.audit.gate import judge
from trapgen.audit.overlap import (
    count_sources,
    deduplicate,
    effective_sources,
    exact_bar_overlap,
    list_overlaps,
    near_bar_overlap,
)
from trapgen.audit.selftest import self_test
from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop
from trapgen.params import AuditParams
from trapgen.similarity import find_pairs

__all__ = [
    "Audit",
    "Chance",
    "Decision",
    "Overlap",
    "Sided",
    "audit_sides",
    "effective_sources",
    "exact_bar_overlap",
]


def audit_sides(
    sided: Sided,
    params: AuditParams,
    rng: np.random.Generator,
    *,
    protocol: str = "as given",
    draw_independent: Callable[[np.random.Generator], Sided] | None = None,
) -> Audit:
    """Hold the other sides against train, and judge.

    Args:
        sided: Every loop with its side; `train` is one of them.
        params: Thresholds of the search and of the gate.
        rng: Decides the draws of the chance baseline and of the self-test.
        protocol: How the sides were made, for the record.
        draw_independent: Makes sides of the same sources anew, by a split that is independent;
            without it, whole groups of related loops are dealt anew.

    Returns:
        The findings; `reasons` is empty if the gate lets the data pass.

    Raises:
        ParameterError: Train or the other sides have no loops.
    """
    train = [loop for side, loop in sided if side == "train"]
    others = [(side, loop) for side, loop in sided if side != "train"]
    held_out = [loop for _, loop in others]
    if not train or not held_out:
        received = (len(train), len(held_out))
        raise ParameterError("loops in train and beside it", "at least one each", received)
    near = find_pairs(train, held_out, params.near_duplicate_distance)
    n_pairs, pairs = list_overlaps(train, others, near)
    repeated = {pair.right for pair in near if pair.distance == 0}
    sides: dict[str, list[DrumLoop]] = {}
    for side, loop in sided:
        sides.setdefault(side, []).append(loop)
    found = Audit(
        protocol=protocol,
        n_loops={side: len(loops) for side, loops in sides.items()},
        n_sources={side: len(count_sources(loops)) for side, loops in sides.items()},
        effective_sources={side: effective_sources(loops) for side, loops in sides.items()},
        exact_bar_overlap=exact_bar_overlap(train, held_out),
        exact_bar_overlap_by_side={
            side: exact_bar_overlap(train, loops)
            for side, loops in sides.items()
            if side != "train"
        },
        near_bar_overlap=near_bar_overlap(train, held_out, params.near_duplicate_distance),
        exact_loop_overlap=len(repeated) / len(held_out),
        n_pairs=n_pairs,
        pairs=tuple(pairs),
        chance=chance_overlap(sided, params, rng, draw_independent),
        self_test=self_test(train, held_out, near, params, rng),
        decisions=tuple(deduplicate(sided)),
    )
    return replace(found, reasons=tuple(judge(found, params)))

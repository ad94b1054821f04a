"""The overlap audit of a corpus with known sources: chance is estimated from splits of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trapgen.audit.audit_sides import audit_sides
from trapgen.audit.gate import judge
from trapgen.audit.results import Audit, Sided
from trapgen.audit.start import compare_with_start
from trapgen.core import DrumLoop, Params, make_rng
from trapgen.dataset import augment_sides, find_components, find_learned, split_sources


def audit_corpus(
    sided: Sided,
    sources: Sequence[DrumLoop],
    params: Params,
    *,
    groups: Sequence[str] = (),
    start: Sequence[DrumLoop] = (),
) -> Audit:
    """Audit recombined loops; for chance, sources are split and recombined independently.

    Args:
        sided: The loops with their split, made by the protocol in `params`.
        sources: The loops that they were recombined from.
        params: Parameters of split, recombination and audit.
        groups: Group of each source (see `find_components`).
        start: Loops that the start model has learned.

    Raises:
        ParameterError: Train or the other splits have no loops, or loops have different grids.
        SplitError: There are too few sources for an independent split.
    """
    independent = replace(params.split, protocol="by_source")
    components = find_components(sources, independent, groups)
    learned = find_learned(sources, start, params.split.near_duplicate_distance)

    def draw_independent(rng: np.random.Generator) -> Sided:
        sides = split_sources(sources, independent, rng, components, learned=learned)
        return augment_sides(sources, sides, params.augment, independent, rng)

    audit = audit_sides(
        sided,
        params.audit,
        make_rng(params.seed, "audit"),
        protocol=params.split.protocol,
        draw_independent=draw_independent,
    )
    if not start:
        return audit
    held_out = [(side, loop) for side, loop in sided if side != "train"]
    audit = replace(audit, start=compare_with_start(start, held_out, params.audit))
    return replace(audit, reasons=tuple(judge(audit, params.audit)))

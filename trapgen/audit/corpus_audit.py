"""The overlap audit of a corpus with known sources: chance is estimated from splits of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trapgen.audit.audit_sides import audit_sides
from trapgen.audit.results import Audit, Sided
from trapgen.core import DrumLoop, Params, make_rng
from trapgen.dataset import augment_sides, find_components, split_sources


def audit_corpus(sided: Sided, sources: Sequence[DrumLoop], params: Params) -> Audit:
    """Audit recombined loops; for chance, sources are split and recombined independently.

    Args:
        sided: The loops with their split, made by the protocol in `params`.
        sources: The loops that they were recombined from.
        params: Parameters of split, recombination and audit.

    Raises:
        ParameterError: Train or the other splits have no loops, or loops have different grids.
        SplitError: There are too few sources for an independent split.
    """
    independent = replace(params.split, protocol="by_source")
    components = find_components(sources, independent)

    def draw_independent(rng: np.random.Generator) -> Sided:
        sides = split_sources(sources, independent, rng, components)
        return augment_sides(sources, sides, params.augment, independent, rng)

    return audit_sides(
        sided,
        params.audit,
        make_rng(params.seed, "audit"),
        protocol=params.split.protocol,
        draw_independent=draw_independent,
    )

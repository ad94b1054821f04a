"""Random generators: one per stage."""

from __future__ import annotations

import numpy as np


def make_rng(seed: int, stage: str) -> np.random.Generator:
    """Random generator of a stage, independent of the draws of other stages."""
    return np.random.default_rng([seed, *stage.encode()])

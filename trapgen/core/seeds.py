"""Chances: every stage draws its own."""

from __future__ import annotations

import numpy as np


def make_rng(seed: int, stage: str) -> np.random.Generator:
    """The generator of a stage: what one stage draws moves nothing in another."""
    return np.random.default_rng([seed, *stage.encode()])

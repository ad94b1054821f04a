"""Small networks with random weights, or with weights that do one thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trapgen.model import Humanizer, ModelSpec, Network, weight_shapes
from trapgen.model.humanizer.spec import HumanizerSpec
from trapgen.model.humanizer.spec import weight_shapes as humanizer_shapes
from trapgen.model.words.spec import N_LAG_SIMILARITIES

PLAIN = ModelSpec(2, 12, 0.0, 2, 16, 4, 3, 5)
CONDITIONED = replace(PLAIN, conditions=("kind:beat", "kind:fill"))
FINE = ModelSpec(1, 4, 0.0, 1, 32, 1, 1, 2)
# Wide enough that a BLAS takes other tiles for other numbers of rows.
WIDE = ModelSpec(2, 160, 0.0, 2, 16, 4, 6, 16)


NEVER_COPIES = {0: -60}
"""Changes of `copy`: what was played before is not taken up."""


def copy_from(network, lag):
    """Let a network that knows nothing repeat what was played at one of its lags."""
    network.weights["copy/bias"][:] = 20
    network.weights["match/kernel"][N_LAG_SIMILARITIES + lag, 0] = 9
    network.weights["heads/kernel"][0, -1] = 50
    return network


def make_network(spec=PLAIN, seed=0, scale=0.5, **changes):
    """Random weights, or with `scale` 0 none; `changes` set single biases by token."""
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, scale, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    for name, values in changes.items():
        for at, value in values.items():
            weights[f"{name}/bias"][at] = value
    return Network(spec, weights)


def make_humanizer(steps_per_bar=16, seed=0, scale=0.3, **changes):
    """A small one with random weights; `changes` go into its spec."""
    spec = HumanizerSpec(6, steps_per_bar, **changes)
    rng = np.random.default_rng(seed)
    shapes = humanizer_shapes(spec)
    weights = {name: rng.normal(0, scale, shape) for name, shape in shapes.items()}
    return Humanizer(spec, {name: value.astype(np.float32) for name, value in weights.items()})

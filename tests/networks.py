"""Small networks with random weights, or with weights that do one thing."""

from __future__ import annotations

import numpy as np

from trapgen.model import ModelSpec, Network, weight_shapes

LOOKBACK = ModelSpec("lookback", 2, 12, 0.0, 2, 16)
RECALL = ModelSpec("recall", 2, 12, 0.0, 2, 16, 4, 3, 5, ("kind:beat", "kind:fill"))
PAPER = ModelSpec("paper", 2, 12, 0.0, 0, 16)
FINE = ModelSpec("lookback", 1, 4, 0.0, 1, 32)


def make_network(spec=LOOKBACK, seed=0, scale=0.5, **changes):
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

"""Operations of a network's matrix products, and the machine's matrix speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]

SIZES = ((2048, 2048, 2048), (4096, 512, 2048), (8192, 512, 2048), (128, 512, 2048))
SECONDS = 0.4


@dataclass(frozen=True)
class Cost:
    """Cost of a piece of work: wall-clock seconds, and seconds of all cores together.

    On a shared machine, wall-clock time includes other processes.
    """

    clock_s: float = math.inf
    cores_s: float = math.inf

    def least(self, other: Cost) -> Cost:
        """The smaller of each."""
        return Cost(min(self.clock_s, other.clock_s), min(self.cores_s, other.cores_s))


def measure(work: Callable[[], Any], times: int = 1) -> Cost:
    """Minimum wall-clock time of several runs, and mean core time.

    The cores' counter lags by a tick, so it is not read after every short piece of work.
    """
    best, cores = math.inf, time.process_time()
    for _ in range(times):
        clock = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - clock)
    return Cost(best, (time.process_time() - cores) / times)


def measure_numpy() -> Cost:
    """Cost of one float32 operation in numpy's matrix product, at the best of several sizes."""
    return _measure_sizes(lambda a, b: a @ b, np.asarray)


def measure_tensorflow() -> Cost:
    """The same for TensorFlow."""
    import tensorflow as tf

    multiply = tf.function(tf.matmul, reduce_retracing=True)
    return _measure_sizes(lambda a, b: multiply(a, b).numpy(), tf.constant)


def _measure_sizes(multiply: Callable[[Any, Any], Any], take: Callable[[Any], Any]) -> Cost:
    rng, least = np.random.default_rng(0), Cost()
    for m, k, n in SIZES:
        a, b = (take(rng.random(shape, np.float32)) for shape in ((m, k), (k, n)))
        work = partial(multiply, a, b)
        work()
        found = measure(work, max(3, int(SECONDS / measure(work).clock_s)))
        n_operations = 2 * m * k * n
        least = least.least(Cost(found.clock_s / n_operations, found.cores_s / n_operations))
    return least


def count_learned(shapes: Shapes) -> int:
    """Operations per token of the products with the LSTMs' weights, forward and backward.

    Backward costs twice as much as forward, but the first layer's input needs no gradient.

    Args:
        shapes: Shapes of the weights by name.
    """
    found = 0
    for name, size in _count(shapes, ("lstm",)).items():
        found += size * (2 if name == "lstm_0/kernel" else 3)
    return found


def count_sampled(shapes: Shapes) -> int:
    """Operations per token of the products with weights, forward."""
    return sum(_count(shapes, ("lstm", "words", "voices", "query")).values())


def _count(shapes: Shapes, names: tuple[str, ...]) -> dict[str, int]:
    """Operations of one vector's product with each matrix whose name has the prefix."""
    return {
        name: 2 * math.prod(shape)
        for name, shape in shapes.items()
        if name.endswith("kernel") and name.startswith(names)
    }

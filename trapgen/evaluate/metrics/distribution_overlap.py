"""Overlap of feature distributions, and its attainable maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop
from trapgen.evaluate.metrics.bootstrap import Interval, Weights, bound
from trapgen.evaluate.metrics.loop_features import TIMING, collect_features, collect_hits

_GRID_POINTS: Final = 512
_DRAWS: Final = 20
"""Number of random subsets when a larger set is thinned to the size of a smaller one."""

Values = NDArray[np.float64]


class Cover(NamedTuple):
    """Overlap of a feature's distribution in generated loops with that in held-out loops.

    Attributes:
        area: Overlapping area of generated and held-out loops, from 0 to 1, mean over seeds.
        ceiling: Overlapping area of train and held-out loops, with train thinned to the number of
            generated loops per seed, since fewer loops overlap less.
        ratio: Area over ceiling.
        interval: Bootstrap interval of the ratio, over sources and generated loops.
        seeds: The least and the highest ratio of a seed.
    """

    area: float
    ceiling: float
    ratio: float
    interval: Interval
    seeds: Interval


@dataclass(frozen=True, eq=False)
class Sample:
    """Loops and their bootstrap weights over sources.

    Attributes:
        loops: The loops.
        weights: `(n_replicates, n_loops)` (see `trapgen.evaluate.metrics.draw_weights`).
    """

    loops: Sequence[DrumLoop]
    weights: Weights


def compare_features(
    generated: Sequence[Sequence[DrumLoop]],
    train: Sample,
    held_out: Sample,
    rng: np.random.Generator,
    *,
    timing: bool = True,
) -> dict[str, Cover]:
    """Overlap of each feature of generated loops with that of held-out ones.

    Besides loop features, `hit_velocity` and `hit_offset` pool the values of single hits. Area and
    ceiling share one grid and one bandwidth, by Scott's rule over train and held-out loops. Where
    all loops agree, the overlap is 1.

    Args:
        generated: Loops by seed, equally many per seed.
        train: Training loops.
        held_out: Held-out loops.
        rng: Random generator of the thinned subsets.
        timing: Whether to compare microtiming, which in loops that nobody played is only
            quantization error.
    """
    drawn = [loop for of_seed in generated for loop in of_seed]
    size = min(len(generated[0]), len(train.loops))
    parts = [_thin(len(of_seed), size, rng) for of_seed in generated]
    known = _thin(len(train.loops), size, rng)
    judges = _all(held_out.loops)
    ours = rng.standard_exponential((len(held_out.weights), len(drawn)))
    covers = {}
    values = _collect([drawn, train.loops, held_out.loops])
    for name in values if timing else (name for name in values if name not in TIMING):
        of_drawn, of_train, of_held_out = values[name]
        human = np.concatenate([*of_train, *of_held_out])
        n = sum(map(len, of_held_out)) * (1 + size / len(held_out.loops))
        densities = _Densities.of([of_drawn, of_train, of_held_out], human.std(), n)
        ceiling = float(densities.overlap((1, known), (2, judges)).mean())
        areas = []
        for at, part in enumerate(parts):
            rows = np.zeros((len(part), len(drawn)))
            rows[:, at * part.shape[1] : (at + 1) * part.shape[1]] = part
            areas.append(float(densities.overlap((0, rows), (2, judges)).mean()))
        area = float(np.mean(areas))
        resampled = densities.overlap((0, ours), (2, held_out.weights))
        resampled /= np.maximum(densities.overlap((1, train.weights), (2, held_out.weights)), 1e-9)
        covers[name] = Cover(
            area,
            ceiling,
            area / ceiling,
            _recenter(bound(resampled), area / ceiling - float(np.median(resampled))),
            Interval(min(areas) / ceiling, max(areas) / ceiling),
        )
    return covers


def _recenter(interval: Interval, shift: float) -> Interval:
    """Shift an interval: resampled sets hold fewer distinct loops, whose areas overlap less."""
    return Interval(interval.low + shift, interval.high + shift)


def _all(loops: Sequence[object] | Values) -> Weights:
    return np.ones((1, len(loops)))


def _thin(n_loops: int, size: int, rng: np.random.Generator) -> Weights:
    """`(n_draws, n_loops)` random subsets, `size` loops in each."""
    if n_loops == size:
        return np.ones((1, n_loops))
    rows = np.zeros((_DRAWS, n_loops))
    for row in rows:
        row[rng.choice(n_loops, size, replace=False)] = 1
    return rows


def _collect(sets: Sequence[Sequence[DrumLoop]]) -> dict[str, list[list[Values]]]:
    """The values of each loop by feature, one list per set."""
    of_sets = [
        {
            **{name: list(values[:, None]) for name, values in collect_features(loops).items()},
            **collect_hits(loops),
        }
        for loops in sets
    ]
    return {name: [found[name] for found in of_sets] for name in of_sets[0]}


@dataclass(frozen=True, eq=False)
class _Densities:
    """Kernel densities of sets of loops on one grid.

    Attributes:
        grid: `(n_points,)`.
        columns: `(n_loops, n_points)` per set, each loop's summed kernels.
        sizes: `(n_loops,)` per set, number of values of each loop.
    """

    grid: Values
    columns: list[Values]
    sizes: list[Values]

    @classmethod
    def of(cls, sets: Sequence[Sequence[Values] | Values], scale: float, n: float) -> _Densities:
        """Densities of values of standard deviation `scale`, `n` of them, by Scott's rule."""
        values = [np.concatenate(list(of_loops)) for of_loops in sets]
        everything = np.concatenate(values)
        width = (scale or float(everything.std()) or 1.0) * n**-0.2
        low, high = everything.min() - 4 * width, everything.max() + 4 * width
        grid = np.linspace(low, high, _GRID_POINTS)
        columns, sizes = [], []
        for of_loops, flat in zip(sets, values, strict=True):
            counts = np.array([len(of_loop) for of_loop in of_loops])
            different, place = np.unique(flat, return_inverse=True)
            kernels = np.exp(-0.5 * ((grid - different[:, None]) / width) ** 2)
            owner = np.repeat(np.arange(len(counts)), counts)
            uses = np.zeros((len(counts), len(different)))
            np.add.at(uses, (owner, place), 1)
            columns.append(uses @ kernels / (width * np.sqrt(2 * np.pi)))
            sizes.append(counts.astype(np.float64))
        return cls(grid, columns, sizes)

    def overlap(self, one: tuple[int, Weights], other: tuple[int, Weights]) -> Values:
        """`(n_rows,)` areas of two sets, each with `(n_rows or 1, n_loops)` weights."""
        return np.trapezoid(np.minimum(self._mix(*one), self._mix(*other)), self.grid, axis=-1)

    def _mix(self, at: int, weights: Weights) -> Values:
        mixed: Values = weights @ self.columns[at] / (weights @ self.sizes[at])[:, None]
        return mixed

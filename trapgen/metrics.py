"""Figures about a model and what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.codec import BAR, PAD, add_bars
from trapgen.errors import ParameterError
from trapgen.kit import CLOSED_HAT, KICK, SNARE
from trapgen.loop import DrumLoop
from trapgen.model import Network
from trapgen.sample import Draft

_SCORED_AT_ONCE: Final = 64
_GRID_POINTS: Final = 512


def model_bits(
    network: Network,
    loops: Sequence[NDArray[np.int64]],
    conditions: NDArray[np.int64] | None = None,
) -> float:
    """Bits per step of a network on loops: mean -log2 p(word), BAR and padding excluded.

    Args:
        network: The trained network.
        loops: Words of each loop, `(n_steps,)`, in whole bars of the network's grid.
        conditions: `(n_loops, 4)` numbers of each loop's conditions; by default unknown.

    Raises:
        ParameterError: There are no loops, or one is not in whole bars.
    """
    if not loops:
        raise ParameterError("loops", "at least one", 0)
    steps_per_bar = network.spec.steps_per_bar
    for words in loops:
        if len(words) % steps_per_bar:
            raise ParameterError("loop", f"whole bars of {steps_per_bar} steps", len(words))
    total, n_steps = 0.0, 0
    # Loops of like length go together, so that little is padding.
    order = np.argsort([len(words) for words in loops], kind="stable")
    for start in range(0, len(order), _SCORED_AT_ONCE):
        chosen = order[start : start + _SCORED_AT_ONCE]
        part = [add_bars(loops[at], steps_per_bar) for at in chosen]
        tokens = np.full((len(part), max(map(len, part))), PAD, np.int64)
        for row, written in zip(tokens, part, strict=True):
            row[: len(written)] = written
        is_word = tokens < BAR
        known = None if conditions is None else conditions[chosen]
        found = network.log_probabilities(tokens, known)
        total -= float(found[is_word].sum(dtype=np.float64))
        n_steps += int(is_word.sum())
    return total / n_steps / float(np.log(2))


def bar_accuracy(drafts: Sequence[Draft], steps_per_bar: int) -> float:
    """The share of bars that a model left to itself closed at the right step."""
    lengths = [length for draft in drafts for length in draft.bar_lengths]
    return float(np.mean(np.array(lengths) == steps_per_bar)) if lengths else 0.0


def loop_features(loop: DrumLoop) -> dict[str, float]:
    """What a listener would count in a loop.

    Returns:
        `density`, `kick_density`, `snare_density` and `hat_density`: hits a bar; `roll_rate`: share
        of closed hats that follow another within a 32nd; `backbeat`: share of bars with a snare on
        beat 3; `off_beat`: share of hits that are not on an eighth; `velocity`: mean, 1 to 127.
    """
    onsets, bar = loop.onsets, loop.steps_per_bar
    hats = np.flatnonzero(onsets[:, CLOSED_HAT])
    is_roll = np.diff(hats) <= max(1, bar // 32)
    steps = np.nonzero(onsets)[0]
    snares = onsets[:, SNARE].reshape(-1, bar)
    return {
        "density": loop.n_onsets / loop.n_bars,
        "kick_density": float(onsets[:, KICK].sum() / loop.n_bars),
        "snare_density": float(onsets[:, SNARE].sum() / loop.n_bars),
        "hat_density": float(len(hats) / loop.n_bars),
        "roll_rate": float(is_roll.mean()) if len(is_roll) else 0.0,
        "backbeat": float(snares[:, bar // 2].mean()),
        "off_beat": float((steps % (bar // 8) > 0).mean()) if len(steps) else 0.0,
        "velocity": float(loop.velocities[onsets].mean()) if loop.n_onsets else 0.0,
    }


def collect_features(loops: Sequence[DrumLoop]) -> dict[str, NDArray[np.float64]]:
    """`(n_loops,)` of every feature."""
    rows = [loop_features(loop) for loop in loops]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def overlap_area(
    ours: Mapping[str, NDArray[np.float64]], theirs: Mapping[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Overlapping area of two distributions of each feature, from 0 to 1.

    Gaussian kernel densities on one shared grid, after Yang and Lerch 2020 (doi
    10.1007/s00521-018-3849-7); bandwidth by Scott's rule over both together, so that the area does
    not depend on who is called whose.
    """
    return {name: _overlap_area(ours[name], theirs[name]) for name in ours}


def _overlap_area(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    both = np.concatenate([one, other])
    width = both.std() * len(both) ** -0.2
    if width == 0:
        return 1.0
    grid = np.linspace(both.min() - 3 * width, both.max() + 3 * width, _GRID_POINTS)

    def density(values: NDArray[np.float64]) -> NDArray[np.float64]:
        kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2)
        result: NDArray[np.float64] = kernels.mean(axis=1) / (width * np.sqrt(2 * np.pi))
        return result

    return float(np.trapezoid(np.minimum(density(one), density(other)), grid))

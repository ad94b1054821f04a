"""Velocities for hits that have none: drawn from how the training loops play the same thing.

A hit's context is its voice, how deep in the beat it stands, and whether it is part of a roll. For
each context the profile holds quantiles of the velocities seen there; a roll also has a ramp, the
ratio of its last velocity to its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import ModelError, TableError
from trapgen.kit import N_VOICES, VOICES
from trapgen.loop import DrumLoop
from trapgen.store import read_json, write_json

_LEVELS: Final = np.linspace(0.05, 0.95, 7)
_MIN_HITS: Final = 8
"""A context seen less often falls back to a wider one."""

_ANY: Final = "any"
_ROLL: Final = 3
"""A roll has at least this many hits, each less than a 16th after the last."""


@dataclass(frozen=True)
class VelocityProfile:
    """How hard each voice is hit, by context.

    Attributes:
        velocities: Quantiles at seven levels from 5% to 95%, by `voice/depth/kind`.
        ramps: Quantiles of last over first velocity of a roll, by voice.
    """

    velocities: dict[str, list[float]]
    ramps: dict[str, list[float]]

    @classmethod
    def fit(cls, loops: Sequence[DrumLoop]) -> VelocityProfile:
        """Learn the profile from the hits of `loops`."""
        seen: dict[str, list[int]] = {}
        ramps: dict[str, list[float]] = {}
        for loop in loops:
            for voice, steps in _runs(loop.onsets, loop.steps_per_bar):
                found = loop.velocities[steps, voice].astype(int)
                for step, velocity in zip(steps.tolist(), found.tolist(), strict=True):
                    for key in _contexts(voice, step, len(steps), loop.steps_per_bar):
                        seen.setdefault(key, []).append(velocity)
                if len(steps) >= _ROLL:
                    ramps.setdefault(VOICES[voice].name, []).append(found[-1] / found[0])
        return cls(
            {key: _quantiles(seen[key]) for key in sorted(seen) if len(seen[key]) >= _MIN_HITS},
            {key: _quantiles(ramps[key]) for key in sorted(ramps)},
        )

    def draw(
        self, onsets: NDArray[np.bool_], steps_per_bar: int, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """`(n_steps, 9)` velocities of `(n_steps, 9)` onsets: 1 to 127, and 0 where none is."""
        velocities = np.zeros(onsets.shape, np.uint8)
        for voice, steps in _runs(onsets, steps_per_bar):
            # One draw a run: a roll is one gesture.
            level, ramp_level, noise = rng.random(), rng.random(), rng.normal(0, 2, len(steps))
            drawn = [
                self._at(level, _contexts(voice, step, len(steps), steps_per_bar))
                for step in steps.tolist()
            ]
            shape = np.ones(len(steps))
            if len(steps) >= _ROLL:
                drawn = [float(np.mean(drawn))] * len(steps)
                known = self.ramps.get(VOICES[voice].name, [1.0] * len(_LEVELS))
                ramp = float(np.interp(ramp_level, _LEVELS, known))
                shape = np.linspace(2 / (1 + ramp), 2 * ramp / (1 + ramp), len(steps))
            velocities[steps, voice] = np.clip(np.rint(drawn * shape + noise), 1, 127)
        return velocities

    def _at(self, level: float, contexts: Sequence[str]) -> float:
        for key in contexts:
            if key in self.velocities:
                return float(np.interp(level, _LEVELS, self.velocities[key]))
        return 96.0

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, {"velocities": self.velocities, "ramps": self.ramps})

    @classmethod
    def load(cls, path: Path) -> VelocityProfile:
        """Read it.

        Raises:
            ModelError: The file is missing or holds something else.
        """
        try:
            content = read_json(path)
        except TableError as error:
            raise ModelError(path, error.rule, error.received, "Train the model again.") from error
        if not isinstance(content, dict) or set(content) != {"velocities", "ramps"}:
            received = list(content) if isinstance(content, dict) else type(content).__name__
            raise ModelError(path, "keys", received, "Train the model again.")
        if not all(isinstance(table, dict) for table in content.values()):
            raise ModelError(path, "tables", "something else", "Train the model again.")
        return cls(**content)


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(value), 3) for value in np.quantile(values, _LEVELS)]


def _runs(onsets: NDArray[np.bool_], steps_per_bar: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each voice and the steps of each of its runs of hits closer than a 16th."""
    reach = (steps_per_bar - 1) // 16
    for voice in range(N_VOICES):
        steps = np.flatnonzero(onsets[:, voice])
        for run in np.split(steps, np.flatnonzero(np.diff(steps) > reach) + 1):
            if len(run):
                yield voice, run


def _contexts(voice: int, step: int, run_length: int, steps_per_bar: int) -> list[str]:
    """From the most to the least particular."""
    steps_per_beat = steps_per_bar // 4
    within = step % steps_per_beat
    # 0 on the beat, 1 on the half, 2 on the quarters, 3 between them.
    depth = next((d for d in range(3) if within * 2**d % steps_per_beat == 0), 3)
    kind = "roll" if run_length >= _ROLL else "hit"
    name = VOICES[voice].name
    return [f"{name}/{depth}/{kind}", f"{name}/{_ANY}/{kind}", f"{name}/{_ANY}/{_ANY}"]

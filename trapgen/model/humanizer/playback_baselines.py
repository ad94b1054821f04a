"""Baselines of the humanizer: histograms of training loops by context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES
from trapgen.model.humanizer.playback_features import Indices
from trapgen.model.humanizer.spec import N_OFFSETS, N_ROLL_FACTS, N_VELOCITIES
from trapgen.model.humanizer.training_examples import TrainingExample

_STRENGTH: Final = 20.0
"""Pseudo-count in hits of the wider histogram in each narrower one."""


def playback_baseline_bits(
    train: Sequence[TrainingExample], held_out: Sequence[TrainingExample]
) -> dict[str, float]:
    """Bits per hit of held-out examples, by head and baseline.

    `velocity_voice`: histogram by voice. `velocity_place`: by voice, depth in the beat, and whether
    the hit is part of a roll. `velocity_repeat`: by the velocity of the voice's last hit at the
    same step of the bar. Each is smoothed toward the wider histogram, then that of all hits, then
    the uniform distribution. The same for `offset`, where offsets are known.
    """
    found = {}
    for head, n_classes in (("velocity", N_VELOCITIES), ("offset", N_OFFSETS)):
        ours, theirs = (_collect(examples, head) for examples in (train, held_out))
        if len(ours[0]) and len(theirs[0]):
            for name, contexts in _CONTEXTS.items():
                bits = _histogram_bits(ours, theirs, contexts, n_classes)
                found[f"{head}_{name}"] = bits
    return found


_Facts = tuple[Indices, Indices, Indices, Indices]
"""Of each hit: class, voice, place, recalled class."""


def _collect(examples: Sequence[TrainingExample], head: str) -> _Facts:
    parts = []
    for example in examples:
        hits = example.hits
        played = example.played.classes(head)
        last = hits.recalls[:, 2]
        recalled = np.where(last < 0, 0, played[np.maximum(last, 0)])
        rows = np.stack([played, hits.voices, _place(example), recalled])
        parts.append(rows[:, played > 0])
    played, voices, places, recalled = np.concatenate(parts, axis=1)
    return played, voices, places, recalled


def _place(example: TrainingExample) -> Indices:
    """Depth in the beat, and whether the hit is part of a roll."""
    hits = example.hits
    steps_per_beat = example.steps_per_bar // 4
    within = hits.steps % steps_per_beat
    # 0 on the beat, 1 on its half, 2 on its quarters, 3 elsewhere.
    depth = np.select([within * 2**d % steps_per_beat == 0 for d in range(3)], [0, 1, 2], 3)
    is_roll = hits.features[:, -1 - N_ROLL_FACTS] > 0
    return depth * 2 + is_roll


_CONTEXTS: Final[dict[str, tuple[Callable[[_Facts], Indices], ...]]] = {
    "voice": (lambda facts: facts[1],),
    "place": (lambda facts: facts[1], lambda facts: facts[1] + N_VOICES * facts[2]),
    "repeat": (lambda facts: facts[1], lambda facts: facts[1] + N_VOICES * facts[3]),
}


def _histogram_bits(
    ours: _Facts, theirs: _Facts, contexts: Sequence[Callable[[_Facts], Indices]], n_classes: int
) -> float:
    shares = np.full((len(theirs[0]), n_classes), 1 / n_classes)
    for context in (lambda facts: np.zeros_like(facts[0]), *contexts):
        mine, its = context(ours), context(theirs)
        counts = np.zeros((max(mine.max(), its.max()) + 1, n_classes))
        np.add.at(counts, (mine, ours[0] - 1), 1)
        shares = _refine(counts, its, shares)
    likely = shares[np.arange(len(shares)), theirs[0] - 1]
    return float(-np.log2(likely).mean())


def _refine(
    counts: NDArray[np.float64], contexts: Indices, wider: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = counts[contexts]
    result: NDArray[np.float64] = (found + _STRENGTH * wider) / (
        found.sum(axis=1, keepdims=True) + _STRENGTH
    )
    return result

"""Leaks planted on purpose: training loops, transformed and placed among held-out loops.

Each kind of leak is one invariance under which two loops sound the same, or a part of a loop
copied into another. A leak's lineage is removed, so the search must find it by its hits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from trapgen.audit.bar_windows import FULL_BAR
from trapgen.audit.common_patterns import CommonPatterns
from trapgen.audit.remap import VOICE_MAPS
from trapgen.core import N_VOICES, DrumLoop, Lineage, cut, map_hits, repeat_to, rotate
from trapgen.similarity import halve_time, rename_voices

VOICE_TAKEN: Final = "one voice taken whole"
"""A leak with only one voice of the training loop, the hardest kind to find."""

_FEW_HITS: Final = 8
"""Fewer hits are too few to recognize, in a loop or in the distinct bars of a voice."""

_MAX_BARS: Final = 64
"""Loops are repeated and slowed up to this length, but not whole performances."""

_TRIES_A_LEAK: Final = 20
_TRIES_A_DONOR: Final = 100


@dataclass(frozen=True, slots=True)
class Case:
    """Material for one leak.

    Attributes:
        loop: The training loop.
        rng: Random generator.
        donors: Held-out loops that a part of it may be copied into.
        is_common_pattern: Whether a voice of a loop is a common pattern.
    """

    loop: DrumLoop
    rng: np.random.Generator
    donors: Sequence[DrumLoop]
    is_common_pattern: Callable[[DrumLoop, int], bool] = lambda _loop, _voice: False

    def draw_donor(self) -> DrumLoop | None:
        """A donor without a common source, or None if there are hardly any."""
        sources = set(self.loop.lineage.source_ids)
        n_tries = _TRIES_A_DONOR if self.donors else 0
        for at in map(int, self.rng.integers(max(1, len(self.donors)), size=n_tries)):
            if sources.isdisjoint(self.donors[at].lineage.source_ids):
                return self.donors[at]
        return None


Disguise = Callable[[Case], DrumLoop | None]
"""Makes a leak, or None if the loop is not suited."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak.

    Attributes:
        kind: The kind, a key of `LEAKS`.
        original: Index of the training loop.
        loop: The loop placed among the held-out loops.
    """

    kind: str
    original: int
    loop: DrumLoop


def draw_leaks(
    train: Sequence[DrumLoop],
    donors: Sequence[DrumLoop],
    n_each: int,
    rng: np.random.Generator,
    common_pattern_share: float = 1.0,
) -> list[Leak]:
    """Leaks of every kind, each from another training loop.

    Args:
        train: The training loops.
        donors: Loops that parts are copied into; those without a common source are used.
        n_each: Number of leaks of each kind; fewer if too few loops are suited.
        rng: Random generator.
        common_pattern_share: Voices that at least this share of the training sources is expected
            to play by chance are not used, since sharing them is no leak.

    Returns:
        The leaks, by kind in the order of `LEAKS`.
    """
    chance = CommonPatterns(train) if train else None

    def is_common_pattern(loop: DrumLoop, voice: int) -> bool:
        return chance is not None and np.exp2(-chance.bits(loop, voice)) >= common_pattern_share

    leaks = []
    for kind, disguise in LEAKS.items():
        left = n_each
        for original in rng.permutation(len(train))[: _TRIES_A_LEAK * n_each].tolist():
            if not left:
                break
            if train[original].n_onsets < _FEW_HITS:
                continue
            loop = disguise(Case(train[original], rng, donors, is_common_pattern))
            if loop is not None:
                left -= 1
                lineage = Lineage(f"{kind} {n_each - left}")
                leaks.append(Leak(kind, original, replace(loop, lineage=lineage)))
    return leaks


def _exact(case: Case) -> DrumLoop:
    return case.loop


def _rotate_by_beats(case: Case) -> DrumLoop:
    beats = 4 * int(case.rng.integers(case.loop.n_bars)) + int(case.rng.integers(1, 4))
    return rotate(case.loop, beats * case.loop.steps_per_bar // 4)


def _rotate_by_bars(case: Case) -> DrumLoop | None:
    if case.loop.n_bars < 2:
        return None
    n_bars = int(case.rng.integers(1, case.loop.n_bars))
    return rotate(case.loop, n_bars * case.loop.steps_per_bar)


def _repeat(times: int) -> Disguise:
    def repeat(case: Case) -> DrumLoop | None:
        n_bars = times * case.loop.n_bars
        return repeat_to(case.loop, n_bars) if n_bars <= _MAX_BARS else None

    return repeat


def _halve_time(case: Case) -> DrumLoop | None:
    return halve_time(case.loop) if 2 * case.loop.n_bars <= _MAX_BARS else None


def _double_time(case: Case) -> DrumLoop | None:
    loop = case.loop
    if loop.onsets[1::2].any():
        return None
    even = repeat_to(loop, loop.n_bars * (1 + loop.n_bars % 2))
    halved = map_hits(even, lambda hits: hits[::2])
    return replace(halved, offsets=(halved.offsets / 2).astype(np.float32))


def _change_tempo(case: Case) -> DrumLoop:
    return replace(case.loop, bpm=case.loop.play_bpm * float(case.rng.uniform(0.6, 1.7)))


def _remap(case: Case) -> DrumLoop | None:
    loop = case.loop
    used = np.flatnonzero(loop.onsets.any(axis=0)).tolist()
    for at in case.rng.permutation(len(VOICE_MAPS)).tolist():
        voices = VOICE_MAPS[at]
        if any(voice in used for voice, _ in voices):
            renamed = rename_voices(loop, voices)
            if renamed.n_onsets >= max(_FEW_HITS, loop.n_onsets / 2):
                return renamed
    return None


def _change_velocities(case: Case) -> DrumLoop:
    drawn = case.rng.integers(1, 128, case.loop.velocities.shape)
    return replace(case.loop, velocities=np.where(case.loop.onsets, drawn, 0))


def _change_microtiming(case: Case) -> DrumLoop:
    offsets = case.rng.uniform(-0.49, 0.49, case.loop.offsets.shape)
    return replace(case.loop, offsets=offsets.astype(np.float32))


def _change_hits(count: int) -> Disguise:
    def change(case: Case) -> DrumLoop | None:
        loop = case.loop
        if loop.n_onsets < FULL_BAR * loop.n_bars:
            return None
        velocities = np.array(loop.velocities)
        used = loop.onsets.any(axis=0)
        for bar in velocities.reshape(loop.n_bars, loop.steps_per_bar, -1):
            hits, gaps = np.argwhere(bar > 0), np.argwhere((bar == 0) & used)
            n_less = min(int(case.rng.binomial(count, 0.5)), len(hits))
            for step, voice in case.rng.permutation(hits)[:n_less]:
                bar[step, voice] = 0
            for step, voice in case.rng.permutation(gaps)[: count - n_less]:
                bar[step, voice] = case.rng.integers(40, 128)
        return replace(loop, velocities=velocities)

    return change


def _take_voice(case: Case) -> DrumLoop | None:
    loop = case.loop
    voices = [
        voice
        for voice in range(N_VOICES)
        if is_telling(loop, voice) and not case.is_common_pattern(loop, voice)
    ]
    donor = case.draw_donor()
    if not voices or donor is None:
        return None
    voice = int(case.rng.choice(voices))
    home = repeat_to(donor, max(donor.n_bars, loop.n_bars))
    # Rotated after repetition to the whole length, so it is a rotation whatever the lengths.
    turned = int(case.rng.integers(home.n_bars)) * home.steps_per_bar
    donor = rotate(repeat_to(loop, home.n_bars), turned)
    velocities, offsets = np.array(home.velocities), np.array(home.offsets)
    velocities[:, voice], offsets[:, voice] = (donor.velocities[:, voice], donor.offsets[:, voice])
    return replace(home, velocities=velocities, offsets=offsets)


def _take_bars(n_bars: int) -> Disguise:
    def take(case: Case) -> DrumLoop | None:
        loop = case.loop
        starts = range(loop.n_bars - n_bars + 1)
        full = [at for at in starts if cut(loop, at, n_bars).n_onsets >= FULL_BAR * n_bars]
        donor = case.draw_donor()
        if not full or donor is None:
            return None
        home = repeat_to(donor, max(donor.n_bars, 2 * n_bars))
        taken = cut(loop, int(case.rng.choice(full)), n_bars)
        place = int(case.rng.integers(home.n_bars - n_bars + 1)) * home.steps_per_bar
        velocities, offsets = np.array(home.velocities), np.array(home.offsets)
        velocities[place : place + taken.n_steps] = taken.velocities
        offsets[place : place + taken.n_steps] = taken.offsets
        return replace(home, velocities=velocities, offsets=offsets)

    return take


def is_telling(loop: DrumLoop, voice: int) -> bool:
    """Whether a voice is more than a common pattern: enough hits, and half bars that differ.

    Repeated bars count once. Under rotation by bars, such voices are shared by no pair of loops
    without a common source in the starter corpus, and by 4 of 100,000 pairs across the published
    split of Groove (at 32nds).
    """
    bars = np.unique(loop.onsets[:, voice].reshape(loop.n_bars, -1), axis=0)
    halves = bars.reshape(2 * len(bars), -1)
    return int(halves.sum()) >= _FEW_HITS and bool((halves != halves[0]).any())


LEAKS: Final[Mapping[str, Disguise]] = MappingProxyType(
    {
        "exact": _exact,
        "rotated by beats": _rotate_by_beats,
        "rotated by bars": _rotate_by_bars,
        "repeated twice": _repeat(2),
        "repeated four times": _repeat(4),
        "half time": _halve_time,
        "double time": _double_time,
        "retempoed": _change_tempo,
        "remapped": _remap,
        "revelocitied": _change_velocities,
        "microtiming": _change_microtiming,
        "1 hit a bar changed": _change_hits(1),
        "2 hits a bar changed": _change_hits(2),
        VOICE_TAKEN: _take_voice,
        "2 bars taken": _take_bars(2),
        "4 bars taken": _take_bars(4),
    }
)
"""Kinds of leaks, by what is done to the loop."""

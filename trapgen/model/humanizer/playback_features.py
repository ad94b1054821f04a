"""Playback features: the hits of a finished loop in playing order, and the inputs of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, DrumLoop
from trapgen.model.humanizer.spec import (
    GAP_BARS,
    N_LOOP_BARS,
    N_OFFSETS,
    N_RECALL_FEATURES,
    N_ROLL_FACTS,
    N_VELOCITIES,
    Array,
)

Indices = NDArray[np.int64]

_ROLL: Final = 3
"""A roll has at least this many hits, each less than a 16th after the last."""

_FINEST: Final = 96
"""Steps per bar of the finest grid."""

_OFF_GRID: Final = 0.1
_PLAYED_SHARE: Final = 0.5


@dataclass(frozen=True)
class PlaybackFeatures:
    """A loop's hits, sorted by time, then by voice.

    Attributes:
        steps: `(n_hits,)` int64.
        voices: `(n_hits,)` int64.
        features: `(n_hits, n_features)` float32, derived from onsets: the voice; the voices of the
            same step, of the next 16th and the next 8th; the position in the bar and in the loop;
            the time since the voice's last hit and to its next; the length of a roll and the
            position in it; the tempo.
        recalls: `(n_hits, 8)` int64, indices of earlier hits that predict this one, or -1: the
            voice's last; at the same step of the bar, exactly one bar ago, the last time and the
            time before; at the same position in the beat; the last one in the same context; the
            last of any voice; the voice's last but one, for linear extrapolation with its last.
    """

    steps: Indices
    voices: Indices
    features: Array
    recalls: Indices

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class PlayedHits:
    """Playback of a loop as classes.

    Attributes:
        velocities: `(n_hits,)` int64 from 1 to 127.
        offsets: `(n_hits,)` int64 from 1 to 64, the part of a step from -0.5 to 0.5 that the hit
            lies in; 0 where unknown.
    """

    velocities: Indices
    offsets: Indices

    def classes(self, head: str) -> Indices:
        """The classes of `velocity` or `offset`."""
        return self.velocities if head == "velocity" else self.offsets


def find_hits(onsets: NDArray[np.bool_], steps_per_bar: int, bpm: float) -> PlaybackFeatures:
    """The hits of `(n_steps, 9)` onsets."""
    steps, voices = (found.astype(np.int64) for found in np.nonzero(onsets))
    position, bar = steps % steps_per_bar, steps // steps_per_bar
    by_voice = _find_last(voices)
    since = np.where(by_voice >= 0, steps - steps[by_voice], 0)
    coming = np.zeros(len(steps), np.int64)
    coming[by_voice[by_voice >= 0]] = since[by_voice >= 0]
    gap_since, gap_to = _bucket(since, steps_per_bar), _bucket(coming, steps_per_bar)
    same_place = _find_last(voices * steps_per_bar + position)
    a_bar_ago = np.where(bar == bar[same_place] + 1, same_place, -1) if len(steps) else same_place
    n_gaps = len(GAP_BARS) + 1
    words = onsets[steps] @ (1 << np.arange(N_VOICES))
    surroundings = ((voices * n_gaps + gap_since) * n_gaps + gap_to) << N_VOICES | words
    recalls = [
        by_voice,
        a_bar_ago,
        same_place,
        np.where(same_place >= 0, same_place[same_place], -1),
        _find_last(voices * steps_per_bar + position % (steps_per_bar // 4)),
        _find_last(surroundings),
        np.arange(len(steps)) - 1,
        np.where(by_voice >= 0, by_voice[by_voice], -1),
    ]
    padded = np.pad(onsets, ((0, steps_per_bar // 8), (0, 0)))
    features = [
        np.eye(N_VOICES)[voices],
        padded[steps],
        padded[steps + steps_per_bar // 16],
        padded[steps + steps_per_bar // 8],
        np.eye(steps_per_bar)[position],
        np.eye(N_LOOP_BARS)[bar % N_LOOP_BARS],
        np.eye(n_gaps)[gap_since],
        np.eye(n_gaps)[gap_to],
        _describe_rolls(voices, since, by_voice, steps_per_bar),
        np.full((len(steps), 1), np.log2(bpm / 120)),
    ]
    table = np.concatenate(features, axis=1).astype(np.float32)
    return PlaybackFeatures(steps, voices, table, np.stack(recalls, axis=1))


def _find_last(keys: Indices) -> Indices:
    """`(n_hits,)` index of the last earlier hit with the same key, or -1."""
    found = np.full(len(keys), -1)
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    found[order[1:][same]] = order[:-1][same]
    return found


def _bucket(gap_steps: Indices, steps_per_bar: int) -> Indices:
    """0 for no gap or more than a bar, else the part of `GAP_BARS`, from 1."""
    # The tolerance maps the same time to the same part on every grid.
    found = np.searchsorted(np.array(GAP_BARS) * (steps_per_bar + 1e-6), gap_steps)
    result: Indices = np.where((gap_steps == 0) | (found == len(GAP_BARS)), 0, found + 1)
    return result


def _describe_rolls(
    voices: Indices, since: Indices, by_voice: Indices, steps_per_bar: int
) -> NDArray[np.float64]:
    """`(n_hits, 3)` whether a hit is part of a roll, its position in it, its length."""
    reach = (steps_per_bar - 1) // 16
    place = np.zeros(len(voices), np.int64)
    roll = np.arange(len(voices))
    for at in np.flatnonzero((by_voice >= 0) & (since <= reach)).tolist():
        place[at] = place[by_voice[at]] + 1
        roll[at] = roll[by_voice[at]]
    length = np.bincount(roll, minlength=len(voices))[roll]
    is_roll = length >= _ROLL
    facts = [is_roll, place / np.maximum(length - 1, 1), np.log2(length) / 4]
    assert len(facts) == N_ROLL_FACTS
    return np.where(is_roll[:, None], np.stack(facts, axis=1), 0.0)


def read_played_hits(
    loop: DrumLoop, hits: PlaybackFeatures, has_offsets: bool | None = None
) -> PlayedHits:
    """Playback classes of a loop's hits.

    Args:
        loop: The loop.
        hits: Its hits.
        has_offsets: Whether offsets are known; by default whether the loop is played.
    """
    has_offsets = is_played(loop) if has_offsets is None else has_offsets
    velocities = loop.velocities[hits.steps, hits.voices].astype(np.int64)
    offsets = loop.offsets[hits.steps, hits.voices]
    classes = np.clip(np.floor((offsets + 0.5) * N_OFFSETS).astype(np.int64) + 1, 1, N_OFFSETS)
    return PlayedHits(velocities, classes if has_offsets else np.zeros_like(classes))


def is_played(loop: DrumLoop) -> bool:
    """Whether a loop was played: most of its hits lie off every supported grid.

    A loop quantized to its own grid has no microtiming, nor have triplets on a grid without them.
    """
    finest = loop.offsets[loop.onsets] * (_FINEST / loop.steps_per_bar)
    off = np.abs(finest - np.rint(finest)) > _OFF_GRID
    return len(off) > 0 and bool(off.mean() >= _PLAYED_SHARE)


def recall(played: Indices, recalls: Indices, n_classes: int) -> Indices:
    """Predicted class of a hit from each hit that it recalls; 0 if unknown.

    Args:
        played: `(..., n_hits)` classes.
        recalls: `(..., n_hits, 8)` indices, or -1.
        n_classes: The highest class.

    Returns:
        `(..., n_hits, 8)` classes of the recalled hits; the last is replaced by a linear
        extrapolation of the voice's last two hits, because rolls rise and fall.
    """
    found = np.take_along_axis(played[..., None], np.maximum(recalls, 0), axis=-2)
    found = np.where(recalls < 0, 0, found)
    last, before = found[..., 0], found[..., -1]
    line = np.clip(2 * last - before, 1, n_classes)
    found[..., -1] = np.where((last > 0) & (before > 0), line, 0)
    result: Indices = found
    return result


def make_recall_features(velocities: Indices, offsets: Indices) -> Array:
    """`(..., 8 * 4)` float32 features of `(..., 8)` recalled classes."""
    known, timed = velocities > 0, offsets > 0
    facts = [
        known,
        np.where(known, velocities / (N_VELOCITIES / 2) - 1, 0),
        timed,
        np.where(timed, (offsets - 0.5) / (N_OFFSETS / 2) - 1, 0),
    ]
    recalled_features = np.stack(facts, axis=-1).astype(np.float32)
    assert recalled_features.shape[-1] == N_RECALL_FEATURES
    return recalled_features.reshape(*velocities.shape[:-1], -1)

"""What can be counted in a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    SNARE,
    DrumLoop,
)

_LANES: Final = {"kick": KICK, "snare": SNARE, "hat": CLOSED_HAT}
_CYMBALS: Final = [OPEN_HAT, RIDE, CRASH]
_TOMS: Final = [LOW_TOM, MID_TOM, HIGH_TOM]

_PERIODS: Final = (96, 48, 24, 12, 6, 3)
"""From a bar to a 32nd, in 96ths of a bar."""

TIMING: Final = ("timing_spread", "hit_offset")
"""The features of microtiming."""

Lane = NDArray[np.bool_]


def metric_weights(steps_per_bar: int) -> NDArray[np.int64]:
    """`(steps_per_bar,)` weight of each step of a 4/4 bar, 0 the downbeat's, the rest below.

    -1 is the middle of the bar, -2 the other beats, -3 eighths, -4 sixteenths, -5 32nds, -6 what
    lies between, triplets included (Longuet-Higgins and Lee 1984, doi 10.2307/40285271, table for
    4/4, carried on below its sixteenths).
    """
    ticks = np.arange(steps_per_bar) * (96 // steps_per_bar)
    on_level = np.stack([ticks % period == 0 for period in _PERIODS] + [ticks >= 0])
    weights: NDArray[np.int64] = -np.argmax(on_level, axis=0)
    return weights


def syncopation(lane: Lane, steps_per_bar: int) -> float:
    """How much a lane is syncopated, a bar.

    A hit on a weak step, with silence on a stronger one before the next hit, counts as much as the
    stronger weighs more; of several silent steps the strongest one counts (Longuet-Higgins and
    Lee 1984, in the form of Fitch and Rosenfeld 2007, doi 10.1525/mp.2007.25.1.43). The loop goes
    round.

    Args:
        lane: `(n_steps,)` hits, whole bars.
        steps_per_bar: The grid.
    """
    hits = np.flatnonzero(lane)
    if not len(hits):
        return 0.0
    weights = np.tile(metric_weights(steps_per_bar), len(lane) // steps_per_bar)
    silent = np.where(lane, weights.min() - 1, weights)
    # Each stretch begins with a hit, the last one goes round the loop's end.
    turned = np.roll(silent, -hits[0])
    strongest = np.maximum.reduceat(turned, hits - hits[0])
    return float(np.maximum(strongest - weights[hits], 0).sum() * steps_per_bar / len(lane))


def consistency(lane: Lane, steps_per_bar: int) -> float:
    """How alike bars on end are: the mean of hits in common over hits in either, 1 for silence.

    The grooving similarity of Wu and Yang 2020 (arXiv 2008.01307) with Jaccard's index: by theirs,
    which counts common silence, any two bars of few hits are alike.

    Args:
        lane: `(n_steps,)` or `(n_steps, n_voices)` hits, whole bars; one bar is 1.
        steps_per_bar: The grid.
    """
    bars = lane.reshape(len(lane) // steps_per_bar, -1)
    if len(bars) < 2:
        return 1.0
    either = (bars[1:] | bars[:-1]).sum(axis=1)
    both = (bars[1:] & bars[:-1]).sum(axis=1)
    return float(np.where(either, both / np.maximum(either, 1), 1).mean())


def loop_features(loop: DrumLoop) -> dict[str, float]:
    """What a listener would count in a loop.

    Returns:
        - `density`, and `kick_`, `snare_`, `hat_` (closed), `cymbal_` (open hat, ride, crash) and
          `tom_density`: hits a bar.
        - `syncopation` of all voices as one lane, and `kick_`, `snare_` and `hat_syncopation`, a
          bar (see `syncopation`).
        - `consistency` of all voices, and `kick_`, `snare_` and `hat_consistency`, from 0 to 1
          (see `consistency`).
        - `kick_variety`: share of bars with other kicks than the bar before; 0 of a single bar.
        - `roll_rate`: share of closed hats that follow another within a 32nd.
        - `backbeat`: share of bars with a snare on beat 3.
        - `off_beat`: share of hits that are not on an eighth.
        - `velocity` and `velocity_spread`: mean and standard deviation over hits, 1 to 127.
        - `timing_spread`: standard deviation of the microtiming over hits, in steps.
    """
    onsets, bar = loop.onsets, loop.steps_per_bar
    hits_a_bar = onsets.sum(axis=0) / loop.n_bars
    hats = np.flatnonzero(onsets[:, CLOSED_HAT])
    is_roll = np.diff(hats) <= max(1, bar // 32)
    steps = np.nonzero(onsets)[0]
    kicks, snares = (onsets[:, voice].reshape(-1, bar) for voice in (KICK, SNARE))
    moves = (kicks[1:] != kicks[:-1]).any(axis=1)
    velocities, offsets = loop.velocities[onsets], loop.offsets[onsets].astype(np.float64)
    locked: dict[str, Lane] = {"": np.asarray(onsets.any(axis=1))}
    locked |= {f"{name}_": onsets[:, voice] for name, voice in _LANES.items()}
    return {
        "density": loop.n_onsets / loop.n_bars,
        **{f"{name}_density": float(hits_a_bar[voice]) for name, voice in _LANES.items()},
        "cymbal_density": float(hits_a_bar[_CYMBALS].sum()),
        "tom_density": float(hits_a_bar[_TOMS].sum()),
        **{f"{name}syncopation": syncopation(lane, bar) for name, lane in locked.items()},
        "consistency": consistency(onsets, bar),
        **{
            f"{name}_consistency": consistency(onsets[:, voice], bar)
            for name, voice in _LANES.items()
        },
        "kick_variety": float(moves.mean()) if len(moves) else 0.0,
        "roll_rate": float(is_roll.mean()) if len(is_roll) else 0.0,
        "backbeat": float(snares[:, bar // 2].mean()),
        "off_beat": float((steps % (bar // 8) > 0).mean()) if len(steps) else 0.0,
        "velocity": float(velocities.mean()) if len(velocities) else 0.0,
        "velocity_spread": float(velocities.std()) if len(velocities) else 0.0,
        "timing_spread": float(offsets.std()) if len(offsets) else 0.0,
    }


def collect_features(loops: Sequence[DrumLoop]) -> dict[str, NDArray[np.float64]]:
    """`(n_loops,)` of every feature."""
    rows = [loop_features(loop) for loop in loops]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def collect_hits(loops: Sequence[DrumLoop]) -> dict[str, list[NDArray[np.float64]]]:
    """A loop at a time, `(n_hits,)`: the `hit_velocity` and `hit_offset` of each hit."""
    return {
        "hit_velocity": [loop.velocities[loop.onsets].astype(np.float64) for loop in loops],
        "hit_offset": [loop.offsets[loop.onsets].astype(np.float64) for loop in loops],
    }

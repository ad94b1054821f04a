"""Musical features of a loop."""

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

_PARTS: Final = {"kick": KICK, "snare": SNARE, "hat": CLOSED_HAT}
_CYMBALS: Final = [OPEN_HAT, RIDE, CRASH]
_TOMS: Final = [LOW_TOM, MID_TOM, HIGH_TOM]

_PERIODS: Final = (96, 48, 24, 12, 6, 3)
"""Note lengths from a bar to a 32nd, in 96ths of a bar."""

TIMING: Final = ("timing_spread", "hit_offset")
"""The features of microtiming."""

Part = NDArray[np.bool_]


def metric_weights(steps_per_bar: int) -> NDArray[np.int64]:
    """`(steps_per_bar,)` weight of each step of a 4/4 bar: 0 for the downbeat, lower elsewhere.

    -1 is the middle of the bar, -2 the other beats, -3 eighths, -4 sixteenths, -5 32nds, -6 all
    other steps, including triplets (Longuet-Higgins and Lee 1984, doi 10.2307/40285271, table for
    4/4, extended below its sixteenths).
    """
    ticks = np.arange(steps_per_bar) * (96 // steps_per_bar)
    on_level = np.stack([ticks % period == 0 for period in _PERIODS] + [ticks >= 0])
    weights: NDArray[np.int64] = -np.argmax(on_level, axis=0)
    return weights


def syncopation(hits_of_part: Part, steps_per_bar: int) -> float:
    """Syncopation of a voice pattern, per bar.

    A hit on a weak step, followed by silence on a stronger one before the next hit, counts the
    difference of their weights; of several silent steps the strongest counts (Longuet-Higgins and
    Lee 1984, in the form of Fitch and Rosenfeld 2007, doi 10.1525/mp.2007.25.1.43). The loop is
    treated as circular.

    Args:
        hits_of_part: `(n_steps,)` hits, whole bars.
        steps_per_bar: The grid.
    """
    hits = np.flatnonzero(hits_of_part)
    if not len(hits):
        return 0.0
    weights = np.tile(metric_weights(steps_per_bar), len(hits_of_part) // steps_per_bar)
    silent = np.where(hits_of_part, weights.min() - 1, weights)
    # Each segment begins with a hit; the last one wraps around the loop's end.
    turned = np.roll(silent, -hits[0])
    strongest = np.maximum.reduceat(turned, hits - hits[0])
    return float(np.maximum(strongest - weights[hits], 0).sum() * steps_per_bar / len(hits_of_part))


def consistency(hits_of_part: Part, steps_per_bar: int) -> float:
    """Similarity of consecutive bars: mean of shared hits over hits of either, 1 for silence.

    The grooving similarity of Wu and Yang 2020 (arXiv 2008.01307) with the Jaccard index: theirs
    counts common silence, so any two sparse bars are similar.

    Args:
        hits_of_part: `(n_steps,)` or `(n_steps, n_voices)` hits, whole bars; a single bar gives 1.
        steps_per_bar: The grid.
        steps_per_bar: The grid.
    """
    bars = hits_of_part.reshape(len(hits_of_part) // steps_per_bar, -1)
    if len(bars) < 2:
        return 1.0
    either = (bars[1:] | bars[:-1]).sum(axis=1)
    both = (bars[1:] & bars[:-1]).sum(axis=1)
    return float(np.where(either, both / np.maximum(either, 1), 1).mean())


def loop_features(loop: DrumLoop) -> dict[str, float]:
    """Musical features of a loop.

    Returns:
        - `density`, and `kick_`, `snare_`, `hat_` (closed), `cymbal_` (open hat, ride, crash) and
          `tom_density`: hits per bar.
        - `syncopation` of the union of all voices, and `kick_`, `snare_` and `hat_syncopation`,
          per bar (see `syncopation`).
        - `consistency` of all voices, and `kick_`, `snare_` and `hat_consistency`, from 0 to 1
          (see `consistency`).
        - `kick_variety`: share of bars whose kicks differ from the bar before; 0 for one bar.
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
    parts: dict[str, Part] = {"": np.asarray(onsets.any(axis=1))}
    parts |= {f"{name}_": onsets[:, voice] for name, voice in _PARTS.items()}
    return {
        "density": loop.n_onsets / loop.n_bars,
        **{f"{name}_density": float(hits_a_bar[voice]) for name, voice in _PARTS.items()},
        "cymbal_density": float(hits_a_bar[_CYMBALS].sum()),
        "tom_density": float(hits_a_bar[_TOMS].sum()),
        **{
            f"{name}syncopation": syncopation(hits_of_part, bar)
            for name, hits_of_part in parts.items()
        },
        "consistency": consistency(onsets, bar),
        **{
            f"{name}_consistency": consistency(onsets[:, voice], bar)
            for name, voice in _PARTS.items()
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
    """`(n_loops,)` values of every feature."""
    rows = [loop_features(loop) for loop in loops]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def collect_hits(loops: Sequence[DrumLoop]) -> dict[str, list[NDArray[np.float64]]]:
    """Per loop, `(n_hits,)` `hit_velocity` and `hit_offset` of each hit."""
    return {
        "hit_velocity": [loop.velocities[loop.onsets].astype(np.float64) for loop in loops],
        "hit_offset": [loop.offsets[loop.onsets].astype(np.float64) for loop in loops],
    }

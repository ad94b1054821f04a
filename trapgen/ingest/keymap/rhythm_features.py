"""Rhythm features of the strikes of one pitch, or of one voice, independent of the key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.midi import Strikes

FEATURES: Final = (
    "rate",
    "share",
    "beat_1",
    "beat_2",
    "beat_3",
    "beat_4",
    "offbeat_8ths",
    "offbeat_16ths",
    "spacing",
    "evenness",
    "loudness",
    "spread",
    "together",
    "bars",
    "backbeat",
    "rolls",
    "rarity",
    "doubled",
)
"""Names of the columns of `describe_groups`."""

TOGETHER_QUARTERS: Final = 0.06
"""Strikes closer than this, in quarter notes, count as simultaneous: a flam."""

_SAME_QUARTERS: Final = 0.02
_ROLL_QUARTERS: Final = 0.2


def count_bars(strikes: Strikes) -> int:
    """Bars of 4/4 from the file's start to its last strike, at least 1."""
    return int(strikes.ticks[-1]) // (4 * strikes.ticks_per_quarter) + 1


def describe_groups(
    strikes: Strikes, groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Features of each group of strikes: rate, position in the bar, spacing, loudness, coincidence.

    Args:
        strikes: At least one strike.
        groups: `(n_strikes,)`, the group of each strike: its pitch, or its voice.

    Returns:
        The groups, `(n_groups,)`, sorted; and `(n_groups, 18)` float64, columns `FEATURES`: log
        strikes per bar; log share of all strikes; shares of strikes whose nearest 16th is beat 1,
        2, 3, 4, an offbeat 8th, an offbeat 16th; log median spacing in quarter notes; share of
        spacings within 15% of it; mean and deviation of velocity over the file's mean; share of
        strikes simultaneous with another group; share of bars with a strike; share on beats 2 and
        4 minus beats 1 and 3; share of spacings under a fifth of a quarter; one over the root of
        the count; share of strikes simultaneous with another strike of the group.
    """
    found = np.unique(groups)
    return found, describe_masks(strikes, [groups == group for group in found.tolist()])


def describe_masks(strikes: Strikes, masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """The rows of `describe_groups` `(n_masks, 18)` for masks of strikes, each `(n_strikes,)`."""
    at = strikes.ticks / strikes.ticks_per_quarter
    n_bars = count_bars(strikes)
    loudness = strikes.velocities / strikes.velocities.mean()
    sixteenths = np.floor(at * 4 + 0.5).astype(np.int64)
    return np.array([_describe(at, mask, sixteenths, loudness, n_bars) for mask in masks])


def _describe(
    at: NDArray[np.float64],
    mine: NDArray[np.bool_],
    sixteenths: NDArray[np.int64],
    loudness: NDArray[np.float64],
    n_bars: int,
) -> list[float]:
    times, places = at[mine], sixteenths[mine]
    n = len(times)
    counts = np.bincount(places % 16, minlength=16) / n
    gaps = np.diff(times)
    doubled = np.count_nonzero(gaps < TOGETHER_QUARTERS) / n
    gaps = gaps[gaps > _SAME_QUARTERS]
    spacing = float(np.median(gaps)) if len(gaps) else 4.0
    beats = counts[[0, 4, 8, 12]]
    return [
        float(np.log(n / n_bars)),
        float(np.log(n / len(at))),
        *beats.tolist(),
        float(counts[2::4].sum()),
        float(counts[1::2].sum()),
        float(np.log(min(spacing, 8.0))),
        float(np.mean(np.abs(gaps / spacing - 1) < 0.15)) if len(gaps) else 0.0,
        float(loudness[mine].mean()),
        float(loudness[mine].std()),
        _share_together(times, at[~mine]),
        len(np.unique(places // 16)) / n_bars,
        float(beats[1] + beats[3] - beats[0] - beats[2]),
        float(np.mean(gaps < _ROLL_QUARTERS)) if len(gaps) else 0.0,
        1 / float(np.sqrt(n)),
        doubled,
    ]


def count_company(
    strikes: Strikes, groups: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.float64]], ...]:
    """Number of simultaneous strikes and of shared bars per pair of groups, and expected numbers.

    Args:
        strikes: At least one strike.
        groups: `(n_strikes,)`, the group of each strike, from 0.

    Returns:
        Two pairs of `(n_groups, n_groups)`, int64 observed and float64 expected, symmetric. The
        first pair counts strikes closer than `TOGETHER_QUARTERS`, expected for strikes that fall
        on any 16th with equal probability; pairs within a group count twice. The second counts
        bars with both groups, expected for groups that choose their bars independently.
    """
    n_groups, n_bars = int(groups.max()) + 1, count_bars(strikes)
    at = strikes.ticks / strikes.ticks_per_quarter
    met = np.zeros((n_groups, n_groups), np.int64)
    for apart in range(1, len(at)):
        near = (at[apart:] - at[:-apart] < TOGETHER_QUARTERS).nonzero()[0]
        if not len(near):
            break
        np.add.at(met, (groups[near], groups[near + apart]), 1)
    counts = np.bincount(groups)
    by_chance = np.outer(counts, counts) / (16 * n_bars)
    is_in = np.zeros((n_groups, n_bars), np.int64)
    is_in[groups, strikes.ticks // (4 * strikes.ticks_per_quarter)] = 1
    n_in = is_in.sum(1)
    return (
        (met + met.T, np.minimum(by_chance, np.minimum.outer(counts, counts))),
        (is_in @ is_in.T, np.outer(n_in, n_in) / n_bars),
    )


def _share_together(times: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    if not len(others):
        return 0.0
    after = np.searchsorted(others, times)
    last = len(others) - 1
    nearest = np.minimum(
        np.abs(others[np.minimum(after, last)] - times),
        np.abs(others[np.maximum(after - 1, 0)] - times),
    )
    return float(np.mean(nearest < TOGETHER_QUARTERS))

"""Which key map a file was played on, by the rhythm of its pitches, and how sure that is.

Maps are compared by Bayes' rule. A map makes a voice of each pitch it knows, and is as good as the
rhythms of those pitches, and of the voices they add up to, speak for these voices
(`trapgen.keymap.groove`). One instrument is not struck twice at once: pitches of one hat or cymbal
must keep out of each other's way. A map pays for pitches that it doesn't know, for a kit without
kick, snare or time keeper, and for having many keys for a voice: the file then used few of them by
chance. Maps that read a file alike count together.

How much each of these weighs was fitted to the train split of the Groove MIDI Dataset (Gillick et
al. 2019), moved onto the keys of every map: conditional logistic regression of the right reading
among all (McFadden 1974), with a ridge towards General MIDI, files under 8 bars counting 0.3.
`SURE` is the strictest at which 95 % of the longer files there are read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.keymap.features import FEATURES, count_meetings, describe_groups
from trapgen.keymap.groove import voice_evidence
from trapgen.kit import (
    CLOSED_HAT,
    CRASH,
    KEY_MAPS,
    KICK,
    N_VOICES,
    OPEN_HAT,
    RIDE,
    SNARE,
    KeyMap,
)
from trapgen.midi import DRUM_CHANNEL, Strikes

SURE: Final = 0.94
"""Confidence from which a key map is taken; below it the file needs review."""

# Nats before any note is heard: drum files mostly are General MIDI. The maps of four pads explain
# so little that a file with a rhythm which they do explain is likely theirs.
_PRIOR: Final[Mapping[str, float]] = {
    "gm": 0.0,
    "roland_td11": -0.8,
    "gm2": -1.5,
    "paper": -1.1,
    "addictive_drums2": -2.5,
    "superior_drummer3": -1.9,
    "ezdrummer2": -2.0,
    "fl_fpc": -0.9,
    "akai_mpc": 2.1,
    "pads_c1": 2.0,
}
_UNKNOWN_PITCH: Final = -17.0
# Percussion that General MIDI has keys for and the kit has not: at home on the drum channel. Groove
# has none, so that these two are set by hand.
_OTHER_PERCUSSION: Final = -9.0
_ON_DRUM_CHANNEL: Final = -1.0
_GM_KEYS: Final = range(35, 82)
_GENERAL_MIDI: Final = frozenset({"gm", "gm2", "roland_td11", "paper"})
_CHOICE_OF_KEYS: Final = -1.47
_MISSING_PART: Final = -0.4
# Evidence counts without bound for no voice: a map must not gain by not knowing a pitch.
_LEAST: Final = -5.0
_PITCH_WEIGHT: Final = 1.09
_VOICE_WEIGHT: Final = 0.84
# Drummers ride on crashes and crash on rides.
_RIDE_FROM_CRASH: Final = 0.6
# An instrument, the weight of its pitches' meetings, and of those to be expected by chance.
_MEETINGS: Final = (
    ((CLOSED_HAT, OPEN_HAT), -0.95, 2.87),
    ((RIDE,), -2.38, 1.51),
    ((CRASH,), -0.31, 0.94),
)
_ENOUGH_STRIKES: Final = 8
_RHYTHM_STRIKES: Final = 16
# A pitch alone has no company to be told by.
_LONE_TRUST: Final = 0.1
_TIME_KEEPERS: Final = frozenset({CLOSED_HAT, OPEN_HAT, RIDE})
_RARITY: Final = FEATURES.index("rarity")
_NAMED: Final = {
    "addictive_drums2": r"\bad ?2\b|addictive",
    "superior_drummer3": r"\bsd ?3\b|superior",
    "ezdrummer2": r"\bezd|ezdrummer|\bezx\b",
    "fl_fpc": r"\bfpc\b",
    "akai_mpc": r"\bmpc\b",
    "roland_td11": r"\btd ?\d+k?\b|\broland\b|vdrum",
    "gm": r"\bgm\b|general ?midi",
}
_NAME_BONUS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a file: the maps that agree on it, and its share.

    Attributes:
        key_maps: At least one map; all make the same voices of the file's pitches. Those that the
            file's name tells of come first, then the order of `KEY_MAPS`.
        confidence: Posterior probability of the reading among all maps, from 0 to 1.
    """

    key_maps: tuple[KeyMap, ...]
    confidence: float


def rank_key_maps(strikes: Strikes, stem: str = "") -> list[Reading]:
    """Every way to read a file, the likeliest first; the confidences add up to 1.

    Args:
        strikes: At least one strike.
        stem: The file's name without its ending, which may name a product.
    """
    pitches = strikes.pitches.astype(np.int64)
    found, features = describe_groups(strikes, pitches)
    at = np.searchsorted(found, pitches)
    weighted = _weigh(features)
    met, by_chance = count_meetings(strikes, at, len(found))
    words = re.sub(r"[^a-z0-9]+", " ", stem.lower())
    # A handful of strikes is no rhythm: what is usual comes first then, and little is sure.
    trust = min(1.0, len(strikes) / _RHYTHM_STRIKES)
    if len(found) == 1:
        trust *= _LONE_TRUST
    on_drums = bool((strikes.channels == DRUM_CHANNEL).all())
    percussion = _ON_DRUM_CHANNEL if on_drums else _OTHER_PERCUSSION
    alike: dict[tuple[int, ...], list[tuple[float, bool, KeyMap]]] = defaultdict(list)
    for table in KEY_MAPS.values():
        voices = tuple(table.column_of[found].tolist())
        n_keys = np.bincount(list(table.voices.values()), minlength=N_VOICES)
        prior = _PRIOR.get(table.name, -2.0)
        prior *= trust if prior > 0 else 1
        choice = sum(float(np.log(n_keys[voice])) for voice in voices if voice >= 0)
        prior += trust * _CHOICE_OF_KEYS * choice
        prior += sum(_cost(table, pitch, percussion) for pitch in found.tolist())
        is_named = bool(re.search(_NAMED.get(table.name, "(?!)"), words))
        prior += _NAME_BONUS * is_named
        alike[voices].append((prior, is_named, table))
    scores = []
    for voices, maps in alike.items():
        score = float(np.log(sum(np.exp(prior) for prior, _, _ in maps)))
        of_pitch = np.array(voices)
        known = of_pitch >= 0
        rhythm = _PITCH_WEIGHT * weighted[known, of_pitch[known]].sum()
        rhythm += _score_voices(strikes, of_pitch[at])
        rhythm += _score_meetings(of_pitch, met, by_chance)
        scores.append(score + trust * float(rhythm))
    shares = np.exp(trust * (np.array(scores) - max(scores)))
    shares /= shares.sum()
    readings = [
        Reading(tuple(table for *_, table in sorted(maps, key=lambda x: not x[1])), float(share))
        for maps, share in zip(alike.values(), shares, strict=True)
    ]
    return sorted(readings, key=lambda reading: -reading.confidence)


def detect_key_map(strikes: Strikes, stem: str = "") -> tuple[KeyMap | None, float]:
    """The key map a file was played on and the confidence in it, from 0 to 1.

    The confidence is that every strike gets its right voice: maps that read the file alike count
    together. Below `SURE` there is no map.

    Args:
        strikes: At least one strike; a file's drums alone.
        stem: The file's name without its ending.
    """
    best = rank_key_maps(strikes, stem)[0]
    return (best.key_maps[0] if best.confidence >= SURE else None), best.confidence


def _cost(table: KeyMap, pitch: int, percussion: float) -> float:
    if pitch in table.voices:
        return 0.0
    is_percussion = table.name in _GENERAL_MIDI and pitch in _GM_KEYS
    return percussion if is_percussion else _UNKNOWN_PITCH


def _weigh(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evidence `(n_groups, 9)`, less of it from groups of few strikes."""
    counted = np.minimum(1, 1 / features[:, _RARITY] / np.sqrt(_ENOUGH_STRIKES))
    evidence = np.maximum(voice_evidence(features), _LEAST)
    excess = (1 - _RIDE_FROM_CRASH) / 2 * (evidence[:, RIDE] - evidence[:, CRASH])
    evidence[:, RIDE] -= excess
    evidence[:, CRASH] += excess
    weighted: NDArray[np.float64] = evidence * counted[:, None]
    return weighted


def _score_voices(strikes: Strikes, voices: NDArray[np.int64]) -> float:
    """Evidence of the voices as a kit; `voices` is `(n_strikes,)`, -1 where unknown."""
    played, features = describe_groups(strikes, voices)
    sounding = played >= 0
    parts = set(played.tolist())
    n_missing = (KICK not in parts) + (SNARE not in parts) + (not parts & _TIME_KEEPERS)
    rhythm = _VOICE_WEIGHT * _weigh(features)[sounding, played[sounding]].sum()
    return float(rhythm + _MISSING_PART * n_missing)


def _score_meetings(
    voices: NDArray[np.int64], met: NDArray[np.int64], by_chance: NDArray[np.float64]
) -> float:
    """Evidence of pitches, `voices` `(n_pitches,)`, that keep out of each other's way or don't."""
    score = 0.0
    for instrument, weight_met, weight_by_chance in _MEETINGS:
        mine = np.isin(voices, instrument)
        pairs = np.triu(np.outer(mine, mine), 1)
        score += weight_met * np.log1p(met[pairs].sum())
        score += weight_by_chance * np.log1p(by_chance[pairs].sum())
    return float(score)

"""Which key map a file was played on, by the rhythm of its pitches, and how sure that is.

Maps are compared by Bayes' rule. A map makes a voice of each pitch it knows, and is as good as the
rhythms of those pitches, and of the voices they add up to, speak for these voices
(`trapgen.keymap.groove`). A map pays for pitches that it doesn't know, for a kit without kick,
snare or time keeper, and for having many keys for a voice: the file then used few of them by
chance. Maps that read a file alike count together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.keymap.features import FEATURES, describe_groups
from trapgen.keymap.groove import voice_evidence
from trapgen.kit import (
    CLOSED_HAT,
    KEY_MAPS,
    KICK,
    N_VOICES,
    OPEN_HAT,
    RIDE,
    SNARE,
    KeyMap,
)
from trapgen.midi import Strikes

SURE: Final = 0.8
"""Confidence from which a key map is taken; below it the file needs review."""

# Nats before any note is heard: drum files mostly are General MIDI.
_PRIOR: Final[Mapping[str, float]] = {
    "gm": 0.0,
    "roland_td11": -0.5,
    "gm2": -1.0,
    "addictive_drums2": -2.5,
    "superior_drummer3": -2.0,
    "ezdrummer2": -2.0,
    "fl_fpc": -1.0,
    "paper": -1.5,
    "akai_mpc": -2.0,
    "pads_c1": -2.0,
}
_UNKNOWN_PITCH: Final = -8.0
_OTHER_PERCUSSION: Final = -5.0
_GM_KEYS: Final = range(35, 82)
_GENERAL_MIDI: Final = frozenset({"gm", "gm2", "roland_td11", "paper"})
_MISSING_PART: Final = -3.0
# Features overlap, so that their evidence counts less than once, and never without bound: a map
# must not gain by not knowing a pitch.
_TEMPER: Final = 0.8
_LEAST: Final = -5.0
_ENOUGH_STRIKES: Final = 8
_RHYTHM_STRIKES: Final = 16
_RARITY: Final = FEATURES.index("rarity")
_TIME_KEEPERS: Final = frozenset({CLOSED_HAT, OPEN_HAT, RIDE})
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
    """One way to read a file: the maps that agree on it, the likeliest first, and its share.

    Attributes:
        key_maps: At least one map; all make the same voices of the file's pitches.
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
    weighted = _weigh(features)
    words = re.sub(r"[^a-z0-9]+", " ", stem.lower())
    # A handful of strikes is no rhythm: what is usual comes first then, and little is sure.
    trust = min(1.0, len(strikes) / _RHYTHM_STRIKES)
    alike: dict[tuple[int, ...], list[tuple[float, KeyMap]]] = defaultdict(list)
    for table in KEY_MAPS.values():
        voices = tuple(table.voices.get(pitch, -1) for pitch in found.tolist())
        n_keys = np.bincount(list(table.voices.values()), minlength=N_VOICES)
        prior = _PRIOR.get(table.name, -2.0)
        keys = sum(float(np.log(n_keys[voice])) for voice in voices if voice >= 0)
        prior -= trust * keys
        prior += sum(_cost(table, pitch) for pitch in found.tolist())
        prior += _NAME_BONUS * bool(re.search(_NAMED.get(table.name, "(?!)"), words))
        alike[voices].append((prior, table))
    scores = []
    for voices, maps in alike.items():
        score = float(np.log(sum(np.exp(prior) for prior, _ in maps)))
        rhythm = _score(strikes, np.array(voices), weighted, pitches, found)
        scores.append(score + trust * rhythm)
    shares = np.exp(trust * (np.array(scores) - max(scores)))
    shares /= shares.sum()
    readings = [
        Reading(tuple(table for _, table in sorted(maps, key=lambda x: -x[0])), float(share))
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


def _cost(table: KeyMap, pitch: int) -> float:
    if pitch in table.voices:
        return 0.0
    percussion = table.name in _GENERAL_MIDI and pitch in _GM_KEYS
    return _OTHER_PERCUSSION if percussion else _UNKNOWN_PITCH


def _weigh(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evidence `(n_groups, 9)`, less of it from groups of few strikes."""
    counted = np.minimum(1, 1 / features[:, _RARITY] / np.sqrt(_ENOUGH_STRIKES))
    weighted: NDArray[np.float64] = (
        _TEMPER * np.maximum(voice_evidence(features), _LEAST) * counted[:, None]
    )
    return weighted


def _score(
    strikes: Strikes,
    voices: NDArray[np.int64],
    weighted: NDArray[np.float64],
    pitches: NDArray[np.int64],
    found: NDArray[np.int64],
) -> float:
    known = voices >= 0
    score = weighted[known, voices[known]].sum()
    played, features = describe_groups(strikes, voices[np.searchsorted(found, pitches)])
    sounding = played >= 0
    score += _weigh(features)[sounding, played[sounding]].sum()
    parts = set(played.tolist())
    missing = (KICK not in parts) + (SNARE not in parts) + (not parts & _TIME_KEEPERS)
    return float(score + _MISSING_PART * missing)

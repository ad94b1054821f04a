"""Ways to read a file, one for all key maps that agree, and the evidence for each.

A map assigns a voice to each pitch that it knows. Its score is the classifier's evidence
(`trapgen.ingest.keymap.evidence`) for these voices, from the rhythms of the pitches and of the
voices that they add up to. One instrument is not struck twice at once: pitches of one hat or cymbal
should not coincide, and should share bars. Terms against a map are pitches that it does not know, a
kit without kick, snare or timekeeper, and many keys per voice, of which the file uses few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import CLOSED_HAT, CRASH, KEY_MAPS, KICK, N_VOICES, OPEN_HAT, RIDE, SNARE, KeyMap
from trapgen.ingest.keymap.evidence import VoiceTable, voice_evidence
from trapgen.ingest.keymap.rhythm_features import FEATURES, count_company, describe_masks
from trapgen.midi import Strikes

RHYTHM_TERMS: Final = (
    "pitches",
    "voices",
    "rides_or_crashes",
    "missing_parts",
    "hats_met",
    "hats_by_chance",
    "rides_met",
    "rides_by_chance",
    "crashes_met",
    "crashes_by_chance",
    "hat_bars",
    "hat_bars_by_chance",
    "ride_bars",
    "ride_bars_by_chance",
    "crash_bars",
    "crash_bars_by_chance",
)
"""Terms of a reading: columns of `Evidence.rhythm`."""

MAP_TERMS: Final = ("choices_of_keys", "unknown_pitches", "other_percussion")
"""Terms of a map: columns of `Evidence.of_map`."""

_INSTRUMENTS: Final = ((CLOSED_HAT, OPEN_HAT), (RIDE,), (CRASH,))
TIME_KEEPERS: Final = frozenset({CLOSED_HAT, OPEN_HAT, RIDE})
"""Voices that a kit keeps time on."""
# Evidence for a voice is bounded below: a map must not gain by not knowing a pitch.
_LEAST: Final = -5.0
# Number of strikes from which the rhythm of a group, and of a file, has full weight.
_ENOUGH_STRIKES: Final = 8
_RHYTHM_STRIKES: Final = 16
# A single pitch has no simultaneous strikes to classify it by.
_LONE_TRUST: Final = 0.1
_RARITY: Final = FEATURES.index("rarity")
_GM_KEYS: Final = range(35, 82)
GENERAL_MIDI: Final = frozenset({"gm", "gm2", "roland_td11", "paper"})
"""Key maps that keep General MIDI's percussion beside the kit."""
_MAPS: Final = tuple(KEY_MAPS.values())
_N_KEYS: Final = np.array(
    [np.bincount(list(table.voices.values()), minlength=N_VOICES) for table in _MAPS]
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for each way to read a file.

    Attributes:
        voices: `(n_readings, n_pitches)` int64, the voice of each pitch of the file, pitches
            ascending; -1 where unknown.
        rhythm: `(n_readings, 16)` float64, columns `RHYTHM_TERMS`.
        of_map: `(n_maps, 3)` float64, columns `MAP_TERMS`, in the order of `KEY_MAPS`.
        reading_of_map: `(n_maps,)` int64, row of `rhythm`.
        trust: From 0 to 1, weight of the rhythm, which grows with the number of strikes.
    """

    voices: NDArray[np.int64]
    rhythm: NDArray[np.float64]
    of_map: NDArray[np.float64]
    reading_of_map: NDArray[np.int64]
    trust: float


def gather_evidence(strikes: Strikes, table: VoiceTable | None = None) -> Evidence:
    """Evidence for each way to read the strikes, at least one.

    Args:
        strikes: A file's drums.
        table: Parameters of the voice classifier; Groove's if None.
    """
    pitches, at = np.unique(strikes.pitches.astype(np.int64), return_inverse=True)
    # A few strikes form no rhythm.
    trust = min(1.0, len(strikes) / _RHYTHM_STRIKES) * (_LONE_TRUST if len(pitches) == 1 else 1)
    rows: dict[tuple[int, ...], int] = {}
    reading_of_map = np.array(
        [rows.setdefault(tuple(of_map.column_of[pitches].tolist()), len(rows)) for of_map in _MAPS]
    )
    voices = np.array(list(rows))
    pairs = [
        np.array([_count_pairs(row, found, by_chance) for row in voices])
        for found, by_chance in count_company(strikes, at)
    ]
    rhythm = np.hstack([_count_voices(strikes, at, voices, table), *pairs])
    of_map = np.array([_count_keys(*row, pitches) for row in zip(_MAPS, _N_KEYS, strict=True)])
    return Evidence(voices, rhythm, of_map, reading_of_map, trust)


def _count_voices(
    strikes: Strikes, at: NDArray[np.int64], voices: NDArray[np.int64], table: VoiceTable | None
) -> NDArray[np.float64]:
    """First four terms of each reading; `at`, `(n_strikes,)`, is the pitch index of each strike."""
    # Readings share most groups of pitches, so each group is described once.
    masks: dict[bytes, NDArray[np.bool_]] = {}
    places: dict[bytes, int] = {}

    def place(group: NDArray[np.bool_]) -> int:
        key = group.tobytes()
        if key not in places:
            places[key] = len(places)
            masks[key] = group[at]
        return places[key]

    n_pitches = voices.shape[1]
    alone = [place(np.arange(n_pitches) == pitch) for pitch in range(n_pitches)]
    played = [sorted({voice for voice in row.tolist() if voice >= 0}) for row in voices]
    groups = [
        [place(row == voice) for voice in found] for row, found in zip(voices, played, strict=True)
    ]
    shared, parted = _weigh(describe_masks(strikes, masks.values()), table)
    counted = []
    for row, found, rows in zip(voices, played, groups, strict=True):
        known = (row >= 0).nonzero()[0]
        of_pitches = np.array(alone)[known], row[known]
        of_voices = np.array(rows, np.int64), np.array(found, np.int64)
        parts = set(found)
        n_missing = (KICK not in parts) + (SNARE not in parts) + (not parts & TIME_KEEPERS)
        counted.append(
            [
                shared[of_pitches].sum(),
                shared[of_voices].sum(),
                parted[of_pitches].sum() + parted[of_voices].sum(),
                n_missing,
            ]
        )
    return np.array(counted)


def _weigh(
    features: NDArray[np.float64], table: VoiceTable | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evidence `(n_groups, 9)` in two parts, with less weight for groups of few strikes.

    The second part is the choice between ride and crash, which are interchangeable in part:
    drummers ride on crashes and crash on rides.
    """
    counted = np.minimum(1, 1 / features[:, _RARITY] / np.sqrt(_ENOUGH_STRIKES))
    evidence = np.maximum(voice_evidence(features, table), _LEAST) * counted[:, None]
    parted = np.zeros_like(evidence)
    parted[:, RIDE] = (evidence[:, RIDE] - evidence[:, CRASH]) / 2
    parted[:, CRASH] = -parted[:, RIDE]
    return evidence - parted, parted


def _count_pairs(
    voices: NDArray[np.int64], found: NDArray[np.int64], by_chance: NDArray[np.float64]
) -> list[float]:
    """Logs of one plus the observed and of one plus the expected coincidences of one instrument.

    `voices` is `(n_pitches,)`, the counts `(n_pitches, n_pitches)`.
    """
    counted = []
    for instrument in _INSTRUMENTS:
        mine = np.isin(voices, instrument)
        pairs = np.triu(np.outer(mine, mine), 1)
        counted += [float(np.log1p(found[pairs].sum())), float(np.log1p(by_chance[pairs].sum()))]
    return counted


def _count_keys(
    table: KeyMap, n_keys: NDArray[np.int64], pitches: NDArray[np.int64]
) -> list[float]:
    voices = table.column_of[pitches]
    unknown = pitches[voices < 0].tolist()
    n_percussion = 0
    if table.name in GENERAL_MIDI:
        n_percussion = sum(pitch in _GM_KEYS for pitch in unknown)
    choices = float(np.log(n_keys[voices[voices >= 0]]).sum())
    return [choices, len(unknown) - n_percussion, n_percussion]

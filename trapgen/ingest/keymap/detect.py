"""Key-map detection from the rhythm of a file's pitches, with a confidence.

Maps are compared by Bayes' rule: each has a score (`trapgen.ingest.keymap.readings`) with weights
learned on Groove (`training.keymap`). Maps that read a file alike are added up. A
file that has a kick, a snare and a timekeeper on the usual keys favors General MIDI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from trapgen.core import KEY_MAPS, KeyMap
from trapgen.ingest.keymap.readings import GENERAL_MIDI, MAP_TERMS, RHYTHM_TERMS, gather_evidence
from trapgen.ingest.keymap.weights import groove_weights, share_out
from trapgen.midi import DRUM_CHANNEL, Strikes

_MAPS: Final = tuple(KEY_MAPS.values())
# Percussion outside the kit is normal on the drum channel and costs nothing. Groove has none to
# learn this from.
_PERCUSSION_ON_DRUM_CHANNEL: Final = 0.0
_NAMED: Final = {
    "addictive_drums2": r"\bad ?2\b|addictive",
    "superior_drummer3": r"\bsd ?3\b|superior",
    "ezdrummer2": r"\bezd|ezdrummer|\bezx\b",
    "fl_fpc": r"\bfpc\b",
    "akai_mpc": r"\bmpc\b",
    "roland_td11": r"\btd ?\d+k?\b|\broland\b|vdrum",
    "gm": r"\bgm\b|general ?midi",
}
# Of all files with a kick, a snare and a timekeeper on General MIDI's usual keys, hardly any has
# another map; the cases of the fit have every map equally often.
_USUAL_KIT: Final = ({35, 36}, {38, 39, 40}, {42, 46, 51})
_USUAL_BONUS: Final = 4.0
_IS_GENERAL: Final = np.array([name in GENERAL_MIDI or name == "fl_fpc" for name in KEY_MAPS])
# A product's name outweighs the prior but not the rhythm. Groove's names contain none.
_NAME_BONUS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a file: the maps that agree on it, and its probability.

    Attributes:
        key_maps: At least one map; all assign the same voices to the file's pitches. Maps that the
            file's name suggests come first, then the order of `KEY_MAPS`.
        confidence: Posterior probability of the reading among all maps, from 0 to 1.
        fit: How well the rhythms of the pitches fit their voices: mean log likelihood ratio in
            nats, below 0 where other voices fit better. 0 if the rhythm was not asked.
    """

    key_maps: tuple[KeyMap, ...]
    confidence: float
    fit: float = 0.0


def rank_key_maps(strikes: Strikes, stem: str = "") -> list[Reading]:
    """All ways to read a file, likeliest first; the confidences sum to 1.

    Args:
        strikes: At least one strike.
        stem: The file's name without its extension, which may contain a product's name.
    """
    evidence = gather_evidence(strikes)
    weights = groove_weights()
    if (strikes.channels == DRUM_CHANNEL).all():
        of_map = weights.of_map.copy()
        of_map[MAP_TERMS.index("other_percussion")] = _PERCUSSION_ON_DRUM_CHANNEL
        weights = replace(weights, of_map=of_map)
    reading_of_map = evidence.reading_of_map
    trust = np.array(evidence.trust)
    scores = weights.score(evidence.rhythm[reading_of_map], evidence.of_map, trust)
    words = re.sub(r"[^a-z0-9]+", " ", stem.lower())
    is_named = np.array([bool(re.search(_NAMED.get(name, "(?!)"), words)) for name in KEY_MAPS])
    pitches = set(strikes.pitches.tolist())
    if all(pitches & keys for keys in _USUAL_KIT):
        scores = scores + _USUAL_BONUS * _IS_GENERAL
    shares = share_out(scores + trust * _NAME_BONUS * is_named)
    n_known = np.maximum(1, (evidence.voices >= 0).sum(1))
    fits = evidence.rhythm[:, RHYTHM_TERMS.index("pitches")] / n_known
    readings = []
    for row in range(len(evidence.rhythm)):
        mine = (reading_of_map == row).nonzero()[0]
        named_first = sorted(mine.tolist(), key=lambda at: not is_named[at])
        share = float(shares[mine].sum())
        maps = tuple(_MAPS[at] for at in named_first)
        readings.append(Reading(maps, share, float(fits[row])))
    return sorted(readings, key=lambda reading: -reading.confidence)

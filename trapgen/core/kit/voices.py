"""The nine voices. They define bit order, vocabulary size and the columns of every grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of the kit: `pitch` is its General MIDI drum key, `label` its name in figures."""

    name: str
    pitch: int
    label: str


VOICES: Final = (
    Voice("kick", 36, "Kick"),
    Voice("snare", 38, "Snare"),
    Voice("closed_hat", 42, "Closed hat"),
    Voice("open_hat", 46, "Open hat"),
    Voice("low_tom", 41, "Low tom"),
    Voice("mid_tom", 45, "Mid tom"),
    Voice("high_tom", 48, "High tom"),
    Voice("ride", 51, "Ride"),
    Voice("crash", 49, "Crash"),
)
"""The kit in bit order from the left of a word, after Choi et al. 2016 (arXiv 1604.05358)."""

N_VOICES: Final = len(VOICES)
KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, RIDE, CRASH = range(N_VOICES)

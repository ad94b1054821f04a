"""Key maps: the voice of each pitch of a source, each with its publisher.

Other percussion (tambourine, cowbell, congas), chokes, brush sweeps and stick clicks are in no map:
they are dropped and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.kit.voices import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    SNARE,
)


@dataclass(frozen=True, slots=True)
class KeyMap:
    """A table from MIDI pitches to columns of the kit; other pitches are dropped and counted.

    Attributes:
        name: Name in parameters and manifests.
        source: Publisher of the layout.
        voices: Column of the kit, 0 to 8, by MIDI pitch, 0 to 127.
        column_of: `(128,)` int64, the same as a read-only array: -1 for dropped pitches.
    """

    name: str
    source: str
    voices: Mapping[int, int]
    column_of: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        column_of = np.full(128, -1, np.int64)
        column_of[list(self.voices)] = list(self.voices.values())
        column_of.setflags(write=False)
        object.__setattr__(self, "column_of", column_of)


def _key_map(name: str, source: str, groups: Mapping[int, tuple[int, ...]]) -> KeyMap:
    voices = {pitch: voice for voice, pitches in groups.items() for pitch in pitches}
    return KeyMap(name, source, MappingProxyType(voices))


_GM_GROUPS: Final = {
    KICK: (35, 36),
    # Side stick and hand clap are on the backbeat: in trap the clap is often the snare.
    SNARE: (37, 38, 39, 40),
    CLOSED_HAT: (42, 44),
    OPEN_HAT: (46,),
    LOW_TOM: (41, 43),
    MID_TOM: (45, 47),
    HIGH_TOM: (48, 50),
    RIDE: (51, 53, 59),
    CRASH: (49, 52, 55, 57),
}

_MAPS: Final = (
    _key_map("gm", "General MIDI Level 1 percussion key map, channel 10", _GM_GROUPS),
    _key_map(
        "paper",
        "Choi, Fazekas and Sandler 2016 (arXiv 1604.05358): claps and the rest dropped",
        {
            KICK: (35, 36),
            SNARE: (37, 38, 40),
            CLOSED_HAT: (42, 44),
            OPEN_HAT: (46,),
            LOW_TOM: (41, 43),
            MID_TOM: (45, 47),
            HIGH_TOM: (48, 50),
            RIDE: (51, 53, 55, 59),
            CRASH: (49, 52, 57),
        },
    ),
    _key_map(
        "roland_td11",
        "Roland TD-11 as recorded in the Groove MIDI Dataset (Gillick et al. 2019): "
        "22 and 26 are hi-hat edge strikes, 58 the rim of the low tom",
        {**_GM_GROUPS, CLOSED_HAT: (22, 42, 44), OPEN_HAT: (26, 46), LOW_TOM: (41, 43, 58)},
    ),
    _key_map(
        "gm2",
        "General MIDI Level 2 percussion, Standard and Analog sets, as listed in DryWetMIDI "
        "(melanchall/drywetmidi, Standards/GeneralMidi2/Percussion): its additions, 27 to 34 and "
        "82 to 87, are other percussion",
        _GM_GROUPS,
    ),
    _key_map(
        "addictive_drums2",
        'XLN Audio, "Addictive Drums 2 Keymap" of 2021-06-02, 36 = C1, as transcribed in the '
        "public sources of two editors: toms 3 and 4 are the floor toms; flexi pads and the "
        "pitches steered by a pedal controller (7 to 9) have no voice",
        {
            KICK: (36,),
            SNARE: (38, 37, 39, 40, 41, 42, 43, 44),
            CLOSED_HAT: (49, 48, 50, 51, 52, 53),
            OPEN_HAT: (54, 55, 56, 57, 58, 59),
            LOW_TOM: (65, 66, 67, 68),
            MID_TOM: (69, 70),
            HIGH_TOM: (71, 72),
            RIDE: (60, 45, 61, 62, 84, 85, 86),
            CRASH: (77, 46, 79, 81, 89, 91, 93),
        },
    ),
    _key_map(
        "superior_drummer3",
        "Toontrack Superior Drummer 3, default mapping, as listed in blissfish/MidiMapper "
        "(src/DrumMapper.java): rack tom 1 is the high tom, 2 and 3 the mid tom; 50, 54, 56 and 58 "
        "mute a cymbal",
        {
            KICK: (36,),
            SNARE: (38, 37, 40),
            CLOSED_HAT: (42, 21, 22, 62, 63),
            OPEN_HAT: (24, 17, 25, 26, 60),
            LOW_TOM: (43, 41, 73, 75),
            MID_TOM: (47, 45, 78, 80),
            HIGH_TOM: (48, 82),
            RIDE: (51, 53, 59),
            CRASH: (49, 52, 55, 57),
        },
    ),
    _key_map(
        "ezdrummer2",
        "Toontrack EZdrummer 2, Vintage kit, as listed in a public groove editor "
        "(drumMaps/EzxEzdrummer2Vintage.java): one rack tom and one floor tom; foot splashes and "
        "hat sequences have no voice",
        {
            KICK: (36,),
            SNARE: (38, 37, 40),
            CLOSED_HAT: (42, 21, 22, 44, 61, 62, 63),
            OPEN_HAT: (46, 24, 25, 26, 60),
            LOW_TOM: (43, 75),
            HIGH_TOM: (48, 82),
            RIDE: (51, 53, 59),
            CRASH: (49, 57),
        },
    ),
    _key_map(
        "fl_fpc",
        "FL Studio FPC, the notes of its sixteen default pads as in M. Guthridge's FL Studio "
        "scripts for Novation controllers (fpc.py); its kits follow General MIDI",
        {
            KICK: (36,),
            SNARE: (38, 37, 40),
            CLOSED_HAT: (42, 44),
            OPEN_HAT: (46,),
            LOW_TOM: (43,),
            MID_TOM: (45, 47),
            HIGH_TOM: (48,),
            RIDE: (51, 53),
            CRASH: (49, 55),
        },
    ),
    _key_map(
        "akai_mpc",
        "Akai MPC drum programs up to version 2.10: the default notes of pads A01 to A04, where "
        "kick, snare, closed and open hat commonly lie (mpc-tutor.com, Re-Mapping MIDI Notes on "
        "MPC Drum Kits, 2021; notes as in the MPC3000 manual and FL Studio's FPC)",
        {KICK: (37,), SNARE: (36,), CLOSED_HAT: (42,), OPEN_HAT: (82,)},
    ),
    _key_map(
        "pads_c1",
        "Pads from C1 (36) up in the order kick, snare, closed and open hat: MPC programs since "
        "2.11 (mpc-tutor.com), Bitwig's Drum Machine and FXpansion Tremor (digitalhobbit/"
        "circuit-tools, scheme c1up); Ableton's Drum Rack starts there too (Sound on Sound, "
        "October 2015) but has no fixed order",
        {KICK: (36,), SNARE: (37,), CLOSED_HAT: (38,), OPEN_HAT: (39,)},
    ),
)

KEY_MAPS: Final[Mapping[str, KeyMap]] = MappingProxyType(
    {key_map.name: key_map for key_map in _MAPS}
)
"""Key maps by name."""

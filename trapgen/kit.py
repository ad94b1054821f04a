"""The kit: nine voices, the key maps that lead to them, and the role words of file names.

All of it is data. Bit order, vocabulary size and the columns of every grid follow from `VOICES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from trapgen.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of the kit: `pitch` is its General MIDI drum key, `label` its name in pictures."""

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


@dataclass(frozen=True, slots=True)
class KeyMap:
    """A table from MIDI pitches to columns of the kit; other pitches are dropped and counted."""

    name: str
    source: str
    voices: Mapping[int, int]


def _key_map(name: str, source: str, groups: Mapping[int, tuple[int, ...]]) -> KeyMap:
    voices = {pitch: voice for voice, pitches in groups.items() for pitch in pitches}
    return KeyMap(name, source, MappingProxyType(voices))


_GM_GROUPS: Final = {
    KICK: (35, 36),
    # Side stick and hand clap stand on the backbeat: in trap the clap often is the snare.
    SNARE: (37, 38, 39, 40),
    CLOSED_HAT: (42, 44),
    OPEN_HAT: (46,),
    LOW_TOM: (41, 43),
    MID_TOM: (45, 47),
    HIGH_TOM: (48, 50),
    RIDE: (51, 53, 59),
    CRASH: (49, 52, 55, 57),
}

KEY_MAPS: Final[Mapping[str, KeyMap]] = MappingProxyType(
    {
        key_map.name: key_map
        for key_map in (
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
                {
                    **_GM_GROUPS,
                    CLOSED_HAT: (22, 42, 44),
                    OPEN_HAT: (26, 46),
                    LOW_TOM: (41, 43, 58),
                },
            ),
        )
    }
)
"""Key maps by name."""


def key_map(name: str) -> KeyMap:
    """Look a key map up.

    Raises:
        ParameterError: There is none of that name.
    """
    try:
        return KEY_MAPS[name]
    except KeyError:
        raise ParameterError("key_map", f"one of {', '.join(KEY_MAPS)}", name) from None


@dataclass(frozen=True, slots=True)
class Role:
    """What a file name says of the file: its role, and the voice that all its notes move to.

    `voice` is None for a full loop, whose notes are read through a key map.
    """

    name: str
    voice: int | None


FULL: Final = Role("full", None)
ROLES: Final = ("kick", "snare", "hat", "perc", "full")

_ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role("kick", KICK): "kick kicks kik kck bd bassdrum",
    Role("snare", SNARE): "snare snares snr sn sd clap claps clp rim rims rimshot snap snaps",
    Role("hat", CLOSED_HAT): "hat hats hihat hihats hh ch chh closedhat closedhats hhc",
    Role("hat", OPEN_HAT): "oh ohh openhat openhats ohat hho",
    Role("hat", RIDE): "ride rides",
    Role("perc", MID_TOM): "perc percs percussion tom toms bongo conga",
    Role("perc", CRASH): "crash crashes cymbal cymbals",
}
_ROLE_OF_WORD: Final = {word: role for role, words in _ROLE_WORDS.items() for word in words.split()}
_PLAIN_WORDS: Final = frozenset(
    ["hat", "hats", "hihat", "hihats", "hh", "perc", "percs", "percussion"]
)
# An 808 is a kick when it stands alone, and the name of the machine beside another word.
_WEAK_WORDS: Final = frozenset({"808", "808s", "sub"})
_TOKEN: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def role_of_name(stem: str) -> Role | None:
    """The role that a file name's words name, None if they name none.

    Words are runs of letters or digits, also within camel case (`HiHat_01`, `trapKick808`).
    Words of several different roles name a full loop (`Kick_and_Hat`).
    """
    words = [word.lower() for word in _TOKEN.findall(stem)]
    text = " ".join(words)
    text = re.sub(r"\b(hi|high) hats?\b", "hihat", text)
    text = re.sub(r"\b(opened|open|op) (hat|hihat|hh)s?\b", "openhat", text)
    text = re.sub(r"\b(closed|close|cl) (hat|hihat|hh)s?\b", "closedhat", text)
    text = re.sub(r"\bbass drums?\b", "bassdrum", text)
    named = [word for word in text.split() if word in _ROLE_OF_WORD]
    roles = {_ROLE_OF_WORD[word] for word in named}
    if not roles:
        return Role("kick", KICK) if _WEAK_WORDS.intersection(words) else None
    if len(names := {role.name for role in roles}) > 1:
        return FULL
    # A plain word says no more than the role (`Open_Hat_HH`); words of several voices (open and
    # closed hat) leave the voice to a key map.
    particular = {_ROLE_OF_WORD[word] for word in named if word not in _PLAIN_WORDS} or roles
    return particular.pop() if len(particular) == 1 else Role(names.pop(), None)

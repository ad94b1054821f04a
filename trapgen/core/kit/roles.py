"""The role words of file names, as data, and the role that a name states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trapgen.core.kit.voices import CLOSED_HAT, CRASH, KICK, MID_TOM, OPEN_HAT, RIDE, SNARE


@dataclass(frozen=True, slots=True)
class Role:
    """The role that a file name states, and the voice that all its notes are assigned to.

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
# An 808 is a kick when alone, and the name of the machine beside another word.
_WEAK_WORDS: Final = frozenset({"808", "808s", "sub"})
# A hash as a name states nothing, though it may contain `bd` or 808 by chance.
_HASH: Final = re.compile(
    r"(?<![a-z0-9])(?=[0-9]*[a-f]+[0-9]+[a-f])[0-9a-f]{8,}(?![a-z0-9])", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def role_of_name(stem: str) -> Role | None:
    """The role stated by the words of a file name, None if there is none.

    Words are runs of letters or digits, also within camel case (`HiHat_01`, `trapKick808`).
    Words of several different roles mean a full loop (`Kick_and_Hat`). Hexadecimal runs of eight
    digits or more, as in a hash, contain no words.
    """
    words = [word.lower() for word in _TOKEN.findall(_HASH.sub(" ", stem))]
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
    # A plain word adds nothing to the role (`Open_Hat_HH`); with words of several voices (open and
    # closed hat), a key map decides the voice.
    particular = {_ROLE_OF_WORD[word] for word in named if word not in _PLAIN_WORDS} or roles
    return particular.pop() if len(particular) == 1 else Role(names.pop(), None)

"""The role words of file names, as data, and the role that a name states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
class Role:
    """The role that a file name states, and the voice that all its notes are assigned to.

    `voice` is None for a full loop, whose notes are read through a key map.
    """

    name: str
    voice: int | None


FULL: Final = Role("full", None)
ROLES: Final = ("kick", "snare", "hat", "perc", "full")

READ_BY: Final = ("name", "track", "folder", "tracks", "rhythm", "settled")
"""What decides the voices of a file that is not read through a key map: the name of the file, of
its one track or of its folder; the names of its tracks, a drum each; its rhythm; the user."""

_ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role("kick", KICK): "kick kicks kickdrum kickdrums kik kck bd bdrum bassdrum",
    Role("snare", SNARE): (
        "snare snares snaredrum snr snrs sn sd clap claps handclap handclaps clp clps cp "
        "rim rims rimshot rimshots rs snap snaps fingersnap fingersnaps sidestick sidesticks"
    ),
    Role("hat", CLOSED_HAT): (
        "hat hats hihat hihats hh hhs ch chh chs closedhat closedhats hhc pedalhat phh"
    ),
    Role("hat", OPEN_HAT): "oh ohh ohs openhat openhats ohat ohats hho",
    Role("hat", RIDE): "ride rides ridecymbal",
    Role("perc", MID_TOM): (
        "perc percs percussion percussions prc tom toms midtom bongo bongos conga congas shaker "
        "shakers shk tambourine tamb cowbell cowbells clave claves woodblock timbale timbales "
        "triangle maracas cabasa"
    ),
    Role("perc", LOW_TOM): "lowtom lowtoms floortom floortoms",
    Role("perc", HIGH_TOM): "hightom hightoms",
    Role("perc", CRASH): "crash crashes cymbal cymbals cym splash",
}
_ROLE_OF_WORD: Final = {word: role for role, words in _ROLE_WORDS.items() for word in words.split()}
_PLAIN_WORDS: Final = frozenset(
    ["hat", "hats", "hihat", "hihats", "hh", "hhs", "perc", "percs", "percussion", "percussions"]
)
# An 808 is a kick when alone, and the name of the machine beside another word.
_WEAK_WORDS: Final = frozenset({"808", "808s", "sub", "subs"})
# Words after a folder's role word that leave it one.
_OF_PARTS: Final = frozenset(
    (
        "bass",
        "bpm",
        "loop",
        "loops",
        "midi",
        "part",
        "parts",
        "pattern",
        "patterns",
        "roll",
        "rolls",
        "s",
    )
)
# The channel that a host adds to the name of a file; packs write a closed hat with 0: `CH_01`.
_CHANNEL: Final = re.compile(r"(?<=[a-z0-9][ _-])ch(?:1[0-6]|[1-9])$", re.IGNORECASE)
# A hash as a name states nothing, though it may contain `bd` or 808 by chance.
_HASH: Final = re.compile(
    r"(?<![a-z0-9])(?=[0-9]*[a-f]+[0-9]+[a-f])[0-9a-f]{8,}(?![a-z0-9])", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TWO_WORDS: Final = tuple(
    (re.compile(rf"\b{spelled}\b"), word)
    for spelled, word in {
        "(hi|high) hats?": "hihat",
        "(opened|open|opn|op) (hat|hihat|hh)s?": "openhat",
        "(closed|close|clsd|cls|cl) (hat|hihat|hh)s?": "closedhat",
        "pedal (hat|hihat|hh)s?": "pedalhat",
        "(hat|hihat|hh)s? (opened|open|opn|op)": "openhat",
        "(hat|hihat|hh)s? (closed|close|clsd|cls|cl)": "closedhat",
        "(bass|kick) drums?": "bassdrum",
        "snare drums?": "snaredrum",
        "hand claps?": "handclap",
        "finger snaps?": "fingersnap",
        "(side|cross) sticks?": "sidestick",
        "rim shots?": "rimshot",
        "cow bells?": "cowbell",
        "(low|lo|floor) toms?": "lowtom",
        "mid toms?": "midtom",
        "(high|hi) toms?": "hightom",
        "ride cymbals?": "ridecymbal",
        "crash cymbals?": "crash",
    }.items()
)


def role_of_name(stem: str) -> Role | None:
    """The role stated by the words of a file's or track's name, None if there is none.

    Words are runs of letters or digits, also within camel case (`HiHat_01`, `trapKick808`).
    Words of several different roles mean a full loop (`Kick_and_Hat`). Hexadecimal runs of eight
    digits or more, as in a hash, contain no words, and neither does a channel at the end
    (`beat_ch1`).

    Examples:
        >>> role_of_name("02_Trap_Hat")
        Role(name='hat', voice=2)
        >>> role_of_name("Loop_07") is None
        True
    """
    words = _split(stem)
    named = [word for word in words if word in _ROLE_OF_WORD]
    roles = {_ROLE_OF_WORD[word] for word in named}
    if not roles:
        return Role("kick", KICK) if _WEAK_WORDS.intersection(words) else None
    if len(names := {role.name for role in roles}) > 1:
        return FULL
    # A plain word adds nothing to the role (`Open_Hat_HH`); with words of several voices (open and
    # closed hat), a key map decides the voice.
    particular = {_ROLE_OF_WORD[word] for word in named if word not in _PLAIN_WORDS} or roles
    return particular.pop() if len(particular) == 1 else Role(names.pop(), None)


def role_of_folder(name: str) -> Role | None:
    """The role of the files in a folder, None if its name states none.

    Unlike a file's, a folder's name is that of a pack more often than not: its last word is the
    role, apart from numbers and words such as loops (`Dark Hi-Hats 140 BPM`; not `Ride or Die`).
    """
    words = [word for word in _split(name) if not word.isdigit() or word in _WEAK_WORDS]
    while words and words[-1] in _OF_PARTS:
        words.pop()
    is_role = bool(words) and (words[-1] in _ROLE_OF_WORD or _WEAK_WORDS.issuperset(words))
    return role_of_name(name) if is_role else None


def _split(name: str) -> list[str]:
    """Words in lower case; what is spelled in two words is one."""
    words = _TOKEN.findall(_CHANNEL.sub("", _HASH.sub(" ", name)))
    text = " ".join(word.lower() for word in words)
    for spelled, word in _TWO_WORDS:
        text = spelled.sub(word, text)
    return text.split()

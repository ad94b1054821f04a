"""Tempo of a file: the one that holds while it sounds, else the one in its name, else unknown."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trapgen.core import DEFAULT_BPM
from trapgen.midi import Strikes

_SAME_BPM: Final = 1.0
_LOWEST_BPM, _HIGHEST_BPM = 30.0, 300.0
_LOWEST_BARE, _HIGHEST_BARE = 60, 200
"""Range of a number that nothing says is a tempo: below are takes, above the names of machines."""

_NUMBER: Final = r"(?<![\d.,])(\d{2,3}(?:[.,]\d{1,2})?)(?!\d)"
_MARKED: Final = (
    re.compile(rf"{_NUMBER}[\s_-]*bpm", re.IGNORECASE),
    re.compile(rf"(?:(?<![a-z])bpm[\s_:=-]*|@\s*){_NUMBER}", re.IGNORECASE),
)
_BARE: Final = re.compile(r"(?<![^\W_])(?<![.,#'])([1-9]\d{1,2})(?![^\W_])(?![.,]\d)")
_ASIDE: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_COUNTED: Final = re.compile(
    r"(?:(?<![a-z])(?:take|alt|no|nr|num|number|vol|volume|pt|part|v|ver|version|pattern|pat|track"
    r"|trk|clip|fill|var|variation|session|copy|idea|sketch|day)[\s._-]*|(?<![a-g])#)$",
    re.IGNORECASE,
)
_UNITS: Final = re.compile(
    r"[\s_-]*(?:bars?|steps|hits|loops|samples|files|kicks|snares|hats|bit|ppq|hz|khz|db|ms)"
    r"(?![a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Tempo:
    """Tempo of a file.

    Attributes:
        bpm: Quarter notes per minute; None if unknown.
        origin: One of `trapgen.core.TEMPO_ORIGINS`.
        note: What became of a second tempo that disagrees; empty if there is none.
    """

    bpm: float | None
    origin: str
    note: str = ""


def find_tempo(strikes: Strikes, path: Path) -> Tempo:
    """The tempo of a file.

    It is the one that holds longest while notes sound. A tempo of exactly 120, which programs
    write unasked, gives way to another one in the file's name; any other counts, whatever the name
    says. Without one the name counts, then a tempo that the file sets after its notes.

    Args:
        strikes: The file's note-ons, at least one.
        path: The file.
    """
    held = _find_held(strikes)
    named, is_marked = read_bpm(path)
    if held is not None:
        if held == DEFAULT_BPM and named is not None and named != held:
            note = f"the file's {held:g} bpm is a program's default: the name's {named:g} counts"
            return Tempo(named, "name", note)
        is_other = is_marked and named is not None and not _is_octave(named, held)
        note = f"the name says {named:g} bpm: the file's {held:g} counts" if is_other else ""
        return Tempo(held, "file", note)
    if named is not None:
        return Tempo(named, "name")
    if strikes.tempos:
        return Tempo(strikes.tempos[0][1], "file")
    return Tempo(None, "unknown")


def _find_held(strikes: Strikes) -> float | None:
    """The tempo that holds longest from the first strike to a quarter after the last."""
    first, end = int(strikes.ticks[0]), int(strikes.ticks[-1]) + strikes.ticks_per_quarter
    held: Counter[float] = Counter()
    until = [tick for tick, _ in strikes.tempos[1:]]
    for (start, bpm), stop in zip(strikes.tempos, [*until, end], strict=False):
        held[bpm] += max(0, min(stop, end) - max(start, first))
    longest = held.most_common(1)
    return longest[0][0] if longest and longest[0][1] > 0 else None


def _is_octave(one: float, other: float) -> bool:
    """Whether two tempos are the same in some notation: equal, half or double."""
    return any(abs(one * factor - other) < _SAME_BPM for factor in (0.5, 1, 2))


def read_bpm(path: Path) -> tuple[float | None, bool]:
    """The tempo in a file's name, and whether the name says that it is one.

    A number beside `bpm`, or behind `@`, is a tempo, in the file's name or its folder's. So is a
    lone number from 60 to 200 in the file's name (`Dark_150`, `150 Dark`), unless it counts
    something: behind a word such as take or part, before one such as bars, or if the folder has
    the same name with the number before or after it. In brackets it counts only if there is none
    outside. Of two numbers that could be one, none is.

    Examples:
        >>> read_bpm(Path("Dark_150_BPM_Cmin.mid")), read_bpm(Path("150 Dark.mid"))
        ((150.0, True), (150.0, False))
        >>> read_bpm(Path("Dark take 72.mid"))
        (None, False)
    """
    for text in (path.stem, path.parent.name):
        for pattern in _MARKED:
            for found in pattern.finditer(text):
                bpm, before = float(found[1].replace(",", ".")), text[: found.start(1)]
                if _LOWEST_BPM <= bpm <= _HIGHEST_BPM and not _COUNTED.search(before):
                    return bpm, True
    stem = path.stem
    asides = [found.span() for found in _ASIDE.finditer(stem)]
    outside: set[int] = set()
    inside: set[int] = set()
    for found in _BARE.finditer(stem):
        start, end = found.span()
        if _is_bare_tempo(path, start, end):
            is_aside = any(first <= start < last for first, last in asides)
            (inside if is_aside else outside).add(int(stem[start:end]))
    candidates = outside or inside
    return (float(candidates.pop()), False) if len(candidates) == 1 else (None, False)


def _is_bare_tempo(path: Path, start: int, end: int) -> bool:
    stem = path.stem
    number = int(stem[start:end])
    if not _LOWEST_BARE <= number <= _HIGHEST_BARE:
        return False
    if _COUNTED.search(stem[:start]) or _UNITS.match(stem[end:]):
        return False
    # Of another length, a neighbor's name might be longer than a name may be.
    neighbors = [str(n) for n in (number - 1, number + 1) if len(str(n)) == end - start]
    names = (f"{stem[:start]}{neighbor}{stem[end:]}{path.suffix}" for neighbor in neighbors)
    return not any(path.with_name(name).exists() for name in names)

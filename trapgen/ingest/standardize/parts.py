"""Files that hold several loops: patterns in sequence, takes over each other, marked sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, KEY_MAPS, KICK, SNARE, StandardizeParams
from trapgen.ingest.keymap.choose import drums_of
from trapgen.midi import DRUM_CHANNEL, Strikes

_MOST_SHARED: Final = 0.5
"""Share of keys, and of bars, that two tracks have in common if they are takes of one part."""
_FEWEST_KEYS: Final = 2
_MOST_TRACKS: Final = 64
_TAKE: Final = re.compile(r"(?<![a-z])(takes?|alt|muted?)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A loop of a file.

    Attributes:
        strikes: Its strikes, at least one.
        label: Which part of the file it is (`take 2 of 3, Drums`); empty for the whole file.
    """

    strikes: Strikes
    label: str = ""


def split_parts(strikes: Strikes, params: StandardizeParams) -> list[Part]:
    """The loops of a file: one, unless the file says that it holds several.

    Tracks of format 2 do not sound together: each is a loop. Tracks that play the same drums over
    each other are takes: each is a loop, and other drums are one more. Marked sections are loops
    if the parameters ask for it.

    Every strike is in one part.

    Args:
        strikes: The file's note-ons, at least one.
        params: Whether to split at markers.
    """
    if strikes.patterns:
        parts = list(_list_patterns(strikes))
    elif params.split_markers and strikes.markers:
        parts = list(_split_at_markers(strikes))
    else:
        parts = [Part(strikes)]
    return [take for part in parts for take in _split_takes(part)]


def _list_patterns(strikes: Strikes) -> Iterator[Part]:
    """The tracks of format 2; one without tempo or meter has those that the file begins with."""
    n_patterns = len(strikes.patterns)
    for number, pattern in enumerate(strikes.patterns, start=1):
        tempos = pattern.tempos or tuple(event for event in strikes.tempos if not event[0])
        meters = pattern.meters or tuple(event for event in strikes.meters if not event[0])
        label = _label("pattern", number, n_patterns, _name(pattern)) if n_patterns > 1 else ""
        yield Part(replace(pattern, tempos=tempos, meters=meters), label)


def _label(kind: str, number: int, n_parts: int, name: str) -> str:
    return f"{kind} {number} of {n_parts}" + (f", {name}" if name else "")


def _name(strikes: Strikes) -> str:
    """Names of the tracks that sound."""
    sounding = np.unique(strikes.tracks).tolist()
    return ", ".join(name for at in sounding if (name := strikes.track_names[at]))


def _split_at_markers(strikes: Strikes) -> Iterator[Part]:
    names = dict(strikes.markers)
    last = max(strikes.end_tick, int(strikes.ticks[-1]) + 1)
    # What sounds before the first marker is a part, too.
    starts = [0, *sorted(tick for tick in names if tick > 0)]
    numbers = {tick: number for number, tick in enumerate(sorted(names), start=1)}
    for start, end in zip(starts, [*starts[1:], last], strict=True):
        section = strikes.window(start, max(end, start + 1))
        if len(section) and start in names:
            yield Part(section, _label("marker", numbers[start], len(names), names[start]))
        elif len(section):
            yield Part(section, "before the first marker")


def _split_takes(part: Part) -> list[Part]:
    strikes = part.strikes
    drums = strikes.select(drums_of(strikes))
    takes = _find_takes(drums)
    if not takes:
        return [part]
    rest = set(np.unique(strikes.tracks).tolist()).difference(*takes)
    others = rest.intersection(drums.tracks.tolist())
    parts = []
    for number, take in enumerate(takes, start=1):
        label = _label("take", number, len(takes), _name(strikes.of_tracks(take)))
        # Tracks that are no drums are accounted for with the first take.
        along = rest - others if number == 1 else set()
        parts.append(Part(strikes.of_tracks([*take, *along]), _join(part.label, label)))
    if others:
        label = _join(part.label, f"beside {len(takes)} takes")
        parts.append(Part(strikes.of_tracks([*others]), label))
    return parts


def _join(*labels: str) -> str:
    return "; ".join(filter(None, labels))


def _find_takes(drums: Strikes) -> list[list[int]]:
    """Tracks of each take, or nothing where no two tracks are takes of one part.

    Two tracks are takes if they share most of their keys and sound in the same bars. A single key
    is enough if both names say that they are takes: exports with a track a drum have one, too.
    Tracks with the same hits are one take.
    """
    numbers = np.unique(drums.tracks).tolist()
    if not 1 < len(numbers) <= _MOST_TRACKS:
        return []
    tracks = {number: drums.select(drums.tracks == number) for number in numbers}
    bar = BEATS_A_BAR * drums.ticks_per_quarter
    keys = {number: set(track.pitches.tolist()) for number, track in tracks.items()}
    bars = {number: set((track.ticks // bar).tolist()) for number, track in tracks.items()}
    hits = {n: (track.ticks.tobytes(), track.pitches.tobytes()) for n, track in tracks.items()}
    is_named = {number: bool(_TAKE.search(drums.track_names[number])) for number in numbers}

    def are_takes(one: int, other: int) -> bool:
        common, either = keys[one] & keys[other], keys[one] | keys[other]
        if len(common) < _MOST_SHARED * len(either) or not common:
            return False
        if _share(bars[one], bars[other]) < _MOST_SHARED:
            return False
        is_part = len(common) >= _FEWEST_KEYS and (_is_on_drums(tracks[one]) or _is_kit(common))
        return is_part or (is_named[one] and is_named[other])

    alike = [{one, other} for one, other in combinations(numbers, 2) if are_takes(one, other)]
    takes: dict[tuple[bytes, bytes], list[int]] = {}
    for number in numbers:
        if any(number in pair for pair in alike):
            takes.setdefault(hits[number], []).append(number)
    return list(takes.values()) if len(takes) > 1 else []


def _share(one: set[int], other: set[int]) -> float:
    return len(one & other) / min(len(one), len(other))


def _is_on_drums(track: Strikes) -> bool:
    on_drums: NDArray[np.bool_] = track.channels == DRUM_CHANNEL
    return bool(on_drums.any())


def _is_kit(keys: set[int]) -> bool:
    """Whether keys are a kick and a snare of General MIDI: other tracks may be melodies."""
    voices = KEY_MAPS["gm"].voices
    return {KICK, SNARE} <= {voices.get(key) for key in keys}

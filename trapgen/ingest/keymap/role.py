"""The single part that a file plays, kick, snare or hat, by a name or its rhythm.

Rhythm rules are those of trap and related styles: a snare part marks beats 2 and 4, or beat 3, in
every bar and leaves beat 1 out; a hat part is dense with many velocities; a kick part starts the
bar and is sparse. A file that meets no rule, or several, is left open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import CLOSED_HAT, FULL, KEY_MAPS, KICK, SNARE, Role, role_of_folder, role_of_name
from trapgen.ingest.keymap.choose import drums_of
from trapgen.ingest.keymap.kit import has_kit, is_kit, is_moved_kit
from trapgen.midi import DRUM_CHANNEL, Strikes

_MIN_BARS: Final = 2
_MIN_STRIKES: Final = 8
_MAX_PITCHES: Final = 4
_SNARE_MAX_RATE: Final = 9.0
_HAT_MIN_RATE: Final = 12.0
_HAT_MIN_VELOCITIES: Final = 8
_KICK_MAX_RATE: Final = 8.0
_KICK_MAX_VELOCITIES: Final = 4
_FEW_KEYS: Final = 3
_MOST_KEYS: Final = {"perc": 6}
"""Most keys of a part of one role without a main one: rolls and lines of toms change the key."""
_IN_DOUBT: Final = 0.5


def find_role(path: Path, strikes: Strikes, root: Path | None = None) -> tuple[Role, str, float]:
    """Role of a file, what determined it, and its confidence from 0 to 1.

    A role in the file's name decides, else one that the names of all its tracks state, else one
    in the name of a folder, the nearest first; without one, the rhythm (see `detect_role`); else
    the file is full, with certainty and no evidence. A whole kit is full, whatever is named.

    A name is certain, unless the notes contradict it: a kit some octaves away; more keys than a
    part of that role has; or, for tracks and folders, the rhythm of another role.

    Args:
        path: The file.
        strikes: Its note-ons, at least one.
        root: The folder read: folders below it count, and the file's own folder does.

    Returns:
        The role; `name`, `track`, `folder`, `rhythm` or nothing; the confidence.
    """
    drums = strikes.select(drums_of(strikes))
    named, known_by = _find_named(path, strikes, root)
    if named is not None and not is_kit(drums):
        return named, known_by, _trust(named, known_by, strikes)
    is_open = not (strikes.channels == DRUM_CHANNEL).any() and not has_kit(
        KEY_MAPS["gm"].column_of[strikes.pitches]
    )
    # Several tracks on one key are several drums.
    if named is None and is_open and len(set(strikes.tracks.tolist())) == 1:
        played, confidence = detect_role(strikes)
        if played is not None:
            return played, "rhythm", confidence
    return FULL, "", 1.0


def _find_named(path: Path, strikes: Strikes, root: Path | None) -> tuple[Role | None, str]:
    if (named := role_of_name(path.stem)) is not None:
        return named, "name"
    tracks = {strikes.track_names[number] for number in np.unique(strikes.tracks).tolist()}
    stated = {role_of_name(track) for track in tracks}
    if len(stated) == 1 and (named := stated.pop()) is not None:
        return named, "track"
    for folder in _list_folders(path, root):
        if (named := role_of_folder(folder)) is not None:
            return named, "folder"
    return None, ""


def _list_folders(path: Path, root: Path | None) -> list[str]:
    """Names of the file's folder and of those above it, below the folder read."""
    folder = path.absolute().parent
    names = [folder.name]
    if root is not None:
        above = root.absolute()
        if folder.is_relative_to(above):
            names = list(reversed(folder.relative_to(above).parts)) or names
    return names


def _trust(role: Role, known_by: str, strikes: Strikes) -> float:
    counts = np.bincount(strikes.pitches)
    n_keys = np.count_nonzero(counts)
    is_line = role.voice == KICK and bool((np.diff(strikes.ticks) > 0).all())
    # A melody; an 808 has a key a note, but one note at a time.
    is_broad = n_keys > _MOST_KEYS.get(role.name, _FEW_KEYS) and counts.max() < 0.5 * len(strikes)
    if role.voice is not None and ((is_broad and not is_line) or is_moved_kit(strikes)):
        return _IN_DOUBT
    played = detect_role(strikes)[0] if known_by in ("track", "folder") else None
    return 1.0 if played is None or played.name == role.name else _IN_DOUBT


def detect_role(strikes: Strikes) -> tuple[Role | None, float]:
    """The part that a file plays and its confidence, from 0 to 1; None where it is open.

    The confidence is the smallest margin over the rules, from 0.5 at a rule's limit to 1.

    Args:
        strikes: The file's note-ons.
    """
    if len(strikes) < _MIN_STRIKES:
        return None, 0.0
    quarters = strikes.ticks / strikes.ticks_per_quarter
    sixteenths = np.floor(quarters * 4 + 0.5).astype(np.int64)
    bars, places = sixteenths // 16, sixteenths % 16
    n_bars = int(bars[-1]) + 1
    kinds, counts = np.unique(strikes.pitches, return_counts=True)
    # A part has most notes on one instrument; a kit distributes them.
    if n_bars < _MIN_BARS or len(kinds) > _MAX_PITCHES or counts.max() < 0.8 * len(strikes):
        return None, 0.0
    rate = len(strikes) / n_bars
    n_velocities = len(np.unique(strikes.velocities))

    def met(place: int) -> float:
        return len(np.unique(bars[places == place])) / n_bars

    backbeat = max(min(met(4), met(12)), met(8) if met(4) + met(12) == 0 else 0.0)
    margins = {
        Role("snare", SNARE): (
            _above(backbeat, 0.9, 1.0),
            _above(-met(0), -0.3, 0.0),
            _above(-rate, -_SNARE_MAX_RATE, 0.0),
        ),
        Role("hat", CLOSED_HAT): (
            _above(rate, _HAT_MIN_RATE, 2 * _HAT_MIN_RATE),
            _above(n_velocities, _HAT_MIN_VELOCITIES, 2 * _HAT_MIN_VELOCITIES),
        ),
        Role("kick", KICK): (
            _above(met(0), 0.9, 1.0),
            _above(-rate, -_KICK_MAX_RATE, 0.0),
            _above(-n_velocities, -_KICK_MAX_VELOCITIES, 0.0),
            _above(-min(met(4), met(12)), -0.5, 0.0),
        ),
    }
    fitting = [(min(margin), role) for role, margin in margins.items() if min(margin) > 0]
    if len(fitting) != 1:
        return None, 0.0
    confidence, role = fitting[0]
    return role, confidence


def _above(value: float, limit: float, certain: float) -> float:
    """0 below the limit, 0.5 at it, 1 from the value where the rule is certain."""
    return 0.0 if value < limit else min(1.0, 0.5 + 0.5 * (value - limit) / (certain - limit))

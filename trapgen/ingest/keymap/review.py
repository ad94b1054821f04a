"""Files in doubt, notes that are dropped, and the user's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    OWN,
    InputError,
    KeyMap,
    MidiError,
    StandardizeParams,
    list_pairs,
    resolve_key_map,
)
from trapgen.ingest.keymap.assign import Assignment, assign_voices
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.settled import read_answer, read_settled, split_track, write_settled
from trapgen.ingest.standardize.parts import split_parts
from trapgen.midi import Strikes, read_strikes


@dataclass(frozen=True, slots=True)
class Dropped:
    """Strikes of one key that have no voice: channel from 1 to 16, key, and their number."""

    channel: int
    pitch: int
    count: int


@dataclass(frozen=True, slots=True)
class Track:
    """A track with strikes: its number from 1, name, channels from 1, and strikes by pitch."""

    number: int
    name: str
    channels: tuple[int, ...]
    pitches: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How a file is read, as `read_loop` reads it with key map auto.

    Attributes:
        path: Path in the pack.
        pitches: Number of strikes by pitch, most frequent first.
        dropped: Strikes without a voice, by channel and key, most frequent first.
        tracks: Tracks with strikes.
        reading: Voices, role, key map, confidence, and ways to read it through key maps; of a file
            with several loops, those of the one that is most in doubt.
    """

    path: str
    pitches: Mapping[int, int]
    dropped: tuple[Dropped, ...]
    tracks: tuple[Track, ...]
    reading: Assignment

    @property
    def is_sure(self) -> bool:
        """Whether the confidence, as in the manifest, reaches `sure_from`."""
        return self.reading.confidence >= sure_from()


def review_files(pack: Path, paths: Iterable[Path]) -> Iterator[Reviewed]:
    """Review the files of a pack, in the given order.

    A file of which nothing has a voice, and that standardizing therefore rejects, has the
    confidence 0. Other unreadable files are skipped; standardizing rejects them with the reason.

    Raises:
        TableError: A `keymaps.csv` is malformed.
    """
    for path in paths:
        try:
            strikes = read_strikes(path)
        except MidiError:
            continue
        if not len(strikes):
            continue
        params = StandardizeParams()
        readings, keys = [], Counter[tuple[int, int]]()
        for part in split_parts(strikes, params):
            readings.append(assign_voices(path, part.strikes, params, pack))
            lost = part.strikes.select(readings[-1].voices < 0)
            keys.update(zip(lost.channels.tolist(), lost.pitches.tolist(), strict=True))
        dropped = (Dropped(at + 1, pitch, n) for (at, pitch), n in keys.most_common())
        yield Reviewed(
            path.relative_to(pack).as_posix(),
            _count(strikes.pitches),
            tuple(dropped),
            _list_tracks(strikes),
            min(readings, key=lambda reading: reading.confidence),
        )


def _list_tracks(strikes: Strikes) -> tuple[Track, ...]:
    found = []
    for number in np.unique(strikes.tracks).tolist():
        mine = strikes.select(strikes.tracks == number)
        channels = tuple(sorted({channel + 1 for channel in mine.channels.tolist()}))
        name = strikes.track_names[number]
        found.append(Track(number + 1, name, channels, _count(mine.pitches)))
    return tuple(found)


def _count(pitches: NDArray[np.uint8]) -> dict[int, int]:
    return dict(Counter(pitches.tolist()).most_common())


def settle(pack: Path, answers: Mapping[str, str]) -> None:
    """Save key maps of a pack's files, or the voices that they play.

    Args:
        pack: The folder; answers in its `keymaps.csv` are added to earlier ones.
        answers: By path in the pack, or by the number of a track (`drums.mid#3`): the name of a
            key map or of a voice (`kick`), pairs (`36=kick 38=snare`), or a CSV file of pairs,
            whose content is saved.

    Raises:
        InputError: The pack is not a folder, or has no file or track at a path.
        ParameterError: No key map or voice has that name.
        TableError: `keymaps.csv` or a CSV file is malformed.
    """
    if not pack.is_dir():
        raise InputError(pack, "missing", "no such folder", "Check the path.")
    settled = read_settled(pack)
    for path, name in answers.items():
        name = resolve_key_map(name)
        answer = read_answer(name)
        if isinstance(answer, KeyMap) and answer.name == OWN:
            name = list_pairs(answer)
        settled[_check_place(pack, path)] = name
    write_settled(pack, settled)


def _check_place(pack: Path, path: str) -> str:
    of, number = (path, None) if (pack / path).is_file() else split_track(path)
    if not (pack / of).is_file():
        raise InputError(pack / path, "missing", "no such file", f"Name it relative to {pack}.")
    if number is None:
        return Path(of).as_posix()
    names = read_strikes(pack / of).track_names
    if number >= len(names):
        raise InputError(pack / path, "missing", "no such track", f"It has {len(names)} tracks.")
    return f"{Path(of).as_posix()}#{number + 1}"

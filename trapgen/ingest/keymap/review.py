"""Files with an uncertain key map, and the user's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trapgen.core import InputError, MidiError
from trapgen.ingest.keymap.choose import (
    choose_readings,
    drums_of,
    find_settled,
    read_settled,
    reading_of_name,
    write_settled,
)
from trapgen.ingest.keymap.detect import Reading
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.role import find_role
from trapgen.midi import read_strikes


@dataclass(frozen=True, slots=True)
class Doubt:
    """A file with an uncertain key map.

    Attributes:
        path: Path in the pack.
        pitches: Number of strikes by pitch, most frequent first.
        readings: Ways to read it, likeliest first.
    """

    path: str
    pitches: Mapping[int, int]
    readings: tuple[Reading, ...]


def find_doubts(pack: Path, paths: Iterable[Path]) -> Iterator[Doubt]:
    """Yield the files of a pack whose key-map confidence is below `sure_from`, in the given order.

    Files whose name or rhythm determines their voice, and settled files, are certain. Unreadable
    files are skipped; standardizing rejects them with the reason.

    Raises:
        TableError: A `keymaps.csv` is malformed.
    """
    for path in paths:
        try:
            strikes = read_strikes(path)
        except MidiError:
            continue
        settled = find_settled(path)
        if not len(strikes) or find_role(path, strikes, settled)[0].voice is not None:
            continue
        drums = strikes.select(drums_of(strikes))
        readings = choose_readings(path, drums, settled)
        if readings[0].confidence < sure_from():
            counts = Counter(drums.pitches.tolist())
            relative = path.relative_to(pack).as_posix()
            yield Doubt(relative, dict(counts.most_common()), tuple(readings))


def settle(pack: Path, answers: Mapping[str, str]) -> None:
    """Save key maps of a pack's files, or the voices that they play.

    Args:
        pack: The folder; answers in its `keymaps.csv` are added to earlier ones.
        answers: Names of key maps, or of a voice (`kick`), by path in the pack.

    Raises:
        InputError: The pack is not a folder, or has no file at a path.
        ParameterError: No key map or voice has that name.
        TableError: `keymaps.csv` is malformed.
    """
    if not pack.is_dir():
        raise InputError(pack, "missing", "no such folder", "Check the path.")
    settled = read_settled(pack)
    for path, name in answers.items():
        if not (pack / path).is_file():
            raise InputError(pack / path, "missing", "no such file", f"Name it relative to {pack}.")
        reading_of_name(name)
        settled[Path(path).as_posix()] = name
    write_settled(pack, settled)

"""The starter corpus as MIDI, with the conventions of downloadable packs.

Nothing in a pack describes its files except their names: single-role files are on channel 1 and on
arbitrary keys, resolutions differ, and one pack states the tempo only in file names. `standardize`
must handle all this, so the corpus is written in this form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Final

import mido
import numpy as np

from trapgen.core import (
    OPEN_HAT,
    SNARE,
    VOICES,
    DrumLoop,
    InputError,
    TextError,
    read_json,
    relabel,
    replacing,
)
from trapgen.ingest.starter.tabs import read_tabs

_TABS: Final = ("kick.tab", "snare.tab", "hat.tab", "full.tab")


@dataclass(frozen=True, slots=True)
class Pack:
    """Conventions of a fictional pack.

    Attributes:
        name: Name of its folder.
        styles: Styles of its loops.
        names: Pattern of a file's name by kind (`kick`, `snare`, `hat`, `open_hat`, `full`), with
            `n`, the loop's number within its kind, `bpm`, `style`, and `Style` capitalized.
        ticks_per_quarter: Resolution, a multiple of 24: a step is a whole number of ticks.
        midi_type: 0, all in one track, or 1, tempo and notes in two.
        single_key: MIDI key of every single-role file; None: each voice's own drum key.
        snare_key: MIDI key of the snare where voices keep their own.
        full_channel: Channel of full loops, from 0; 9 is General MIDI's drums.
        has_tempo: Whether the files state their tempo.
    """

    name: str
    styles: tuple[str, ...]
    names: Mapping[str, str]
    ticks_per_quarter: int
    midi_type: int
    single_key: int | None
    snare_key: int
    full_channel: int
    has_tempo: bool = True


@cache
def read_packs() -> dict[str, Pack]:
    """The packs of the starter corpus, by name."""
    rows = read_json(Path(__file__).with_name("packs.json"))
    return {row["name"]: Pack(**row | {"styles": tuple(row["styles"])}) for row in rows}


def load_starter() -> tuple[DrumLoop, ...]:
    """Read the starter corpus: kicks, snares, hats, full loops, each in tab order.

    Returns:
        Loops on 96 steps per bar without microtiming; the lineage has name, pack, role and style,
        while `standardize` sets `source_ids`.

    Raises:
        TextError: A tab breaks the format, or has a style of no pack.
    """
    pack_of_style = {style: pack for pack in read_packs().values() for style in pack.styles}
    loops = []
    for name in _TABS:
        tab = Path(__file__).with_name(name)
        for loop in read_tabs(tab):
            style = loop.lineage.style
            if style not in pack_of_style:
                styles = ", ".join(pack_of_style)
                raise TextError(
                    tab, "tab_style", style, f"{loop.lineage.loop_id}: the packs have {styles}."
                )
            loops.append(relabel(loop, pack=pack_of_style[style].name))
    return tuple(loops)


def name_files(loops: Iterable[DrumLoop]) -> list[Path]:
    """Name the files of loops by the conventions of their packs (`read_packs`).

    Returns:
        One path per loop, relative to the packs: `Night Shift Drums/Atlanta/Kick_01.mid`.
    """
    counts: Counter[tuple[str, str]] = Counter()
    paths = []
    for loop in loops:
        pack, kind = read_packs()[loop.lineage.pack], _kind(loop)
        counts[pack.name, kind] += 1
        style = loop.lineage.style
        stem = pack.names[kind].format(
            n=counts[pack.name, kind], bpm=loop.bpm, style=style, Style=style.capitalize()
        )
        paths.append(Path(pack.name, style.capitalize(), f"{stem}.mid"))
    return paths


def write_packs(folder: Path) -> list[Path]:
    """Write the starter corpus as MIDI packs; the same bytes on every run.

    A file ends where its loop's last bar ends. An existing file is kept if it is the same.

    Args:
        folder: Folder of the packs; created if missing.

    Returns:
        The files, in the order of `load_starter`.

    Raises:
        InputError: A different file has one of these names; nothing was written.
    """
    loops = load_starter()
    files = {
        folder / name: _render(loop) for name, loop in zip(name_files(loops), loops, strict=True)
    }
    present = [path for path in files if path.exists()]
    for path in present:
        if path.read_bytes() != files[path]:
            raise InputError(
                path, "other_file", "a different file", "Move it away or choose another folder."
            )
    for path in files.keys() - present:
        with replacing(path) as temporary:
            temporary.write_bytes(files[path])
    return list(files)


def _kind(loop: DrumLoop) -> str:
    is_open_hat = loop.lineage.role == "hat" and bool(loop.onsets[:, OPEN_HAT].any())
    return "open_hat" if is_open_hat else loop.lineage.role


def _render(loop: DrumLoop) -> bytes:
    """The bytes of the loop's file, by the conventions of its pack."""
    pack = read_packs()[loop.lineage.pack]
    end_tick = _ticks(loop.n_steps, pack)
    head = [mido.MetaMessage("time_signature", numerator=4, denominator=4)]
    if pack.has_tempo:
        head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(loop.bpm)))
    notes = _notes(loop, pack)
    midi = mido.MidiFile(type=pack.midi_type, ticks_per_beat=pack.ticks_per_quarter)
    if pack.midi_type == 0:
        midi.tracks.append(_track([(0, message) for message in head] + notes, end_tick))
    else:
        midi.tracks.append(_track([(0, message) for message in head], end_tick))
        midi.tracks.append(_track(notes, end_tick))
    buffer = BytesIO()
    midi.save(file=buffer)
    return buffer.getvalue()


def _ticks(n_steps: int, pack: Pack) -> int:
    return n_steps * pack.ticks_per_quarter // 24


def _notes(loop: DrumLoop, pack: Pack) -> list[tuple[int, mido.Message]]:
    """Note-ons and note-offs with their ticks, sorted; a 32nd long, or until the next hit."""
    is_full = loop.lineage.role == "full"
    channel = pack.full_channel if is_full else 0
    events = []
    for voice in np.flatnonzero(loop.onsets.any(axis=0)):
        key = pack.snare_key if voice == SNARE else VOICES[voice].pitch
        if not is_full and pack.single_key is not None:
            key = pack.single_key
        steps = [*np.flatnonzero(loop.onsets[:, voice]).tolist(), loop.n_steps]
        for step, following in pairwise(steps):
            off_step = min(step + 3, following)
            velocity = int(loop.velocities[step, voice])
            # Note-off first: a repeated key is struck again instead of being cut.
            events.append((_ticks(off_step, pack), 0, key, 0))
            events.append((_ticks(step, pack), 1, key, velocity))
    return [
        (
            tick,
            mido.Message(
                "note_on" if is_on else "note_off", channel=channel, note=key, velocity=velocity
            ),
        )
        for tick, is_on, key, velocity in sorted(events)
    ]


def _track(events: list[tuple[int, mido.Message]], end_tick: int) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end_tick - now))
    return track

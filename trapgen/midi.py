"""MIDI files: note-ons in ticks out of them, loops into them. The only reader and writer of MIDI.

Reading goes over the bytes once and keeps every note-on with a velocity above zero. Note-offs do
not decide whether a hit exists: drum files leave them out, cross them and give them no length,
and readers that pair notes lose those hits. Format: Standard MIDI Files 1.0 (RP-001).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import MidiError, ParameterError
from trapgen.kit import N_VOICES, VOICES
from trapgen.loop import DrumLoop
from trapgen.store import replacing

DRUM_CHANNEL: Final = 9
"""General MIDI's percussion channel, counted from 0."""

TICKS_PER_QUARTER: Final = 960
"""Resolution of written files: a whole number of ticks a step on every grid."""

_DATA_BYTES: Final = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_META_TEMPO, _META_METER, _META_END = 0x51, 0x58, 0x2F


@dataclass(frozen=True)
class Strikes:
    """What a MIDI file says of its drums.

    Attributes:
        ticks: `(n,)` int64, time of each strike, sorted.
        pitches: `(n,)` uint8, MIDI key.
        velocities: `(n,)` uint8, 1 to 127.
        channels: `(n,)` uint8, 0 to 15; 9 is General MIDI's drums.
        ticks_per_quarter: Resolution of `ticks`.
        tempos: `(tick, quarter notes a minute)` of each tempo event, sorted.
        meters: `(tick, numerator, denominator)` of each time signature, sorted.
        end_tick: Where the longest track ends.
        is_truncated: The file ended within a track; what came before the cut was kept.
    """

    ticks: NDArray[np.int64]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]
    channels: NDArray[np.uint8]
    ticks_per_quarter: int
    tempos: tuple[tuple[int, float], ...]
    meters: tuple[tuple[int, int, int], ...]
    end_tick: int
    is_truncated: bool

    def __len__(self) -> int:
        return len(self.ticks)


def read_strikes(path: str | Path) -> Strikes:
    """Read a MIDI file's note-ons with velocity above zero, its tempos and its metres.

    A file that is cut short, or turns to nonsense within a track, is read up to there.

    Raises:
        MidiError: The file cannot be opened, is no Standard MIDI File, counts time in SMPTE
            frames, or has a resolution of zero.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MidiError(path, "unreadable", error.strerror, "Check its name and rights.") from error
    return parse_strikes(data, path)


def parse_strikes(data: bytes, path: str | Path = "<bytes>") -> Strikes:
    """Read the bytes of a MIDI file; see `read_strikes`. `path` is for messages."""
    # Some exports wrap the file in a RIFF container; the file proper starts at its header.
    start = data.find(b"MThd", 0, 64) if data[:4] == b"RIFF" else 0
    if start < 0 or data[start : start + 4] != b"MThd" or len(data) < start + 14:
        received = repr(bytes(data[:8])) if data else "an empty file"
        raise MidiError(path, "not_midi", received, "A MIDI file starts with MThd.")
    header_length, _, n_tracks, division = struct.unpack(">IHHH", data[start + 4 : start + 14])
    if division & 0x8000 or division == 0:
        raise MidiError(
            path, "time_division", f"0x{division:04x}", "Export it with ticks per quarter note."
        )
    notes: list[tuple[int, int, int, int]] = []
    tempos: list[tuple[int, float]] = []
    meters: list[tuple[int, int, int]] = []
    end_tick, n_found, is_truncated = 0, 0, False
    at = start + 8 + header_length
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        at += 8
        if kind == b"MTrk":
            chunk = data[at : at + length]
            n_found += 1
            found_end, at_end, end = _parse_track(chunk, notes, tempos, meters)
            # Some writers leave the end-of-track event out, some give a wrong length.
            is_truncated |= not found_end and (not at_end or len(chunk) < length)
            end_tick = max(end_tick, end)
        at += length
    rows = np.array(sorted(notes), dtype=np.int64).reshape(-1, 4)
    return Strikes(
        ticks=rows[:, 0],
        pitches=rows[:, 1].astype(np.uint8),
        velocities=rows[:, 2].astype(np.uint8),
        channels=rows[:, 3].astype(np.uint8),
        ticks_per_quarter=division,
        tempos=tuple(sorted(tempos)),
        meters=tuple(sorted(meters)),
        end_tick=end_tick,
        is_truncated=is_truncated or n_found < n_tracks,
    )


def _parse_track(
    chunk: bytes,
    notes: list[tuple[int, int, int, int]],
    tempos: list[tuple[int, float]],
    meters: list[tuple[int, int, int]],
) -> tuple[bool, bool, int]:
    """Append a track's events; say if its end event and its last byte were met, and the tick."""
    at, tick, status = 0, 0, 0
    add_note = notes.append
    try:
        while at < len(chunk):
            delta = chunk[at]
            at += 1
            if delta & 0x80:
                at, delta = _variable_length(chunk, at - 1)
            tick += delta
            byte = chunk[at]
            if byte & 0x80:
                at += 1
                if byte >= 0xF0:
                    if byte == 0xFF:
                        kind = chunk[at]
                        at, length = _variable_length(chunk, at + 1)
                        body = chunk[at : at + length]
                        at += length
                        if kind == _META_END:
                            return True, True, tick
                        _add_meta(kind, body, tick, tempos, meters)
                    elif byte in (0xF0, 0xF7):
                        at, length = _variable_length(chunk, at)
                        at += length
                    else:
                        return False, False, tick
                    continue
                status = byte
            elif not status:
                return False, False, tick
            size = _DATA_BYTES[status >> 4]
            if status >> 4 == 0x9 and chunk[at + 1] & 0x7F:
                add_note((tick, chunk[at] & 0x7F, chunk[at + 1] & 0x7F, status & 0x0F))
            at += size
    except IndexError:
        return False, False, tick
    return False, at == len(chunk), tick


def _variable_length(chunk: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length quantity: where it ends, and its value."""
    value = 0
    for _ in range(4):
        byte = chunk[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return at, value
    raise IndexError("a variable-length quantity has at most four bytes")


def _add_meta(
    kind: int,
    body: bytes,
    tick: int,
    tempos: list[tuple[int, float]],
    meters: list[tuple[int, int, int]],
) -> None:
    if kind == _META_TEMPO and len(body) == 3 and any(body):
        tempos.append((tick, round(60e6 / int.from_bytes(body, "big"), 2)))
    elif kind == _META_METER and len(body) >= 2 and body[0] and body[1] < 8:
        meters.append((tick, body[0], 2 ** body[1]))


def write_loop(path: Path, loop: DrumLoop) -> None:
    """Write a loop on General MIDI's drum channel, microtiming included.

    A hit that microtiming moves before the file's start is written at the start. The file ends
    where the loop ends, so that it repeats in time. Written with pretty_midi.

    Raises:
        ParameterError: The tempo is outside what a MIDI file can state.
    """
    import pretty_midi

    if not 60e6 / 0xFFFFFF <= loop.bpm <= 60e6:
        raise ParameterError("bpm", "from 3.58 to 60,000,000 to be written as MIDI", loop.bpm)
    midi = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=loop.bpm)
    midi.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0.0))
    drums = pretty_midi.Instrument(program=0, is_drum=True, name="Drums")
    ticks_per_step = 4 * TICKS_PER_QUARTER // loop.steps_per_bar
    length = TICKS_PER_QUARTER // 8
    end_tick = loop.n_steps * ticks_per_step
    midi.tick_to_time(end_tick)  # makes its table once: it grows quadratically note by note
    for voice in range(N_VOICES):
        steps = np.flatnonzero(loop.onsets[:, voice])
        offsets = np.rint(loop.offsets[steps, voice].astype(float) * ticks_per_step).astype(int)
        # Rounding must not carry a late hit over into the next step.
        offsets = np.minimum(offsets, ticks_per_step // 2 - 1)
        ticks = np.maximum(0, steps * ticks_per_step + offsets)
        # A key struck again ends its last note: players pair ons and offs by key.
        ends = np.minimum(ticks + length, np.append(ticks[1:], end_tick))
        drums.notes += [
            pretty_midi.Note(
                velocity=int(velocity),
                pitch=VOICES[voice].pitch,
                start=midi.tick_to_time(int(tick)),
                end=midi.tick_to_time(int(end)),
            )
            for tick, end, velocity in zip(ticks, ends, loop.velocities[steps, voice], strict=True)
        ]
    midi.instruments.append(drums)
    # pretty_midi ends a file right after its last event: this one holds the loop's length.
    midi.text_events.append(pretty_midi.Text("end", midi.tick_to_time(end_tick)))
    with replacing(path) as temporary:
        midi.write(str(temporary))

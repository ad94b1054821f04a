"""Loops to MIDI files, with deterministic bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    TICKS_PER_BAR,
    TICKS_PER_QUARTER,
    DrumLoop,
    ParameterError,
    replacing,
    time_notes,
)
from trapgen.midi.read import DRUM_CHANNEL


def write_loop(path: Path, loop: DrumLoop, *, half_time: bool = False) -> None:
    """Write a loop on General MIDI's drum channel, microtiming included; see `to_bytes`.

    Raises:
        ParameterError: The tempo or the length exceeds what a MIDI file can store.
    """
    data = to_bytes(loop, half_time=half_time)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def to_bytes(loop: DrumLoop, *, half_time: bool = False) -> bytes:
    """A Standard MIDI File of type 1: tempo and meter in the first track, hits in the second.

    A hit that microtiming moves before the file's start is written at the start. Both tracks end
    where the loop ends, so that it repeats in time. A loop of unknown tempo sets none.

    Args:
        loop: The loop.
        half_time: Write half its tempo, and two of its bars as one: it sounds the same, and the
            snare on 3 is on 2 and 4. Half a bar of silence follows an odd last bar.

    Raises:
        ParameterError: The tempo or the length exceeds what a MIDI file can store.
    """
    times = 2 if half_time else 1
    if not 60e6 / 0xFFFFFF <= loop.play_bpm / times <= 60e6:
        raise ParameterError("bpm", "from 3.58 to 60,000,000 to be written as MIDI", loop.bpm)
    most_bars = 0x0FFFFFFF // TICKS_PER_BAR
    if loop.n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} to be written as MIDI", loop.n_bars)
    end_tick = (loop.n_bars + loop.n_bars % times) * TICKS_PER_BAR
    tempo = b""
    if loop.bpm is not None:
        tempo = b"\x00\xff\x51\x03" + round(times * 60e6 / loop.bpm).to_bytes(3, "big")
    conductor = (
        tempo
        + b"\x00\xff\x58\x04\x04\x02\x18\x08"
        # pretty_midi ignores the end of a track; a text event marks the loop's length.
        + _variable_length(end_tick)
        + b"\xff\x01\x03end\x00\xff\x2f\x00"
    )
    drums = b"\x00\xff\x03\x05Drums\x00\xc9\x00" + _encode_events(_events(loop, end_tick))
    chunks = [(b"MThd", struct.pack(">HHH", 1, 2, times * TICKS_PER_QUARTER))]
    chunks += [(b"MTrk", conductor), (b"MTrk", drums)]
    return b"".join(kind + len(body).to_bytes(4, "big") + body for kind, body in chunks)


def _events(loop: DrumLoop, end_tick: int) -> NDArray[np.int64]:
    """Note-ons, note-offs and the end of the track, sorted as in a file.

    Each is `tick << 24 | its three bytes`.
    """
    starts, ends, keys, velocities = time_notes(loop.velocities, loop.offsets, loop.steps_per_bar)
    n_notes = len(starts)
    events = np.empty(2 * n_notes + 1, np.int64)
    events[:n_notes] = starts << 24 | 0x90 + DRUM_CHANNEL << 16 | keys << 8 | velocities
    events[n_notes:-1] = ends << 24 | 0x80 + DRUM_CHANNEL << 16 | keys << 8 | 0x40
    events[-1] = end_tick << 24 | 0xFF2F00
    # Note-offs have the lower status, so they precede note-ons of the same tick.
    events.sort()
    return events


def _encode_events(events: NDArray[np.int64]) -> bytes:
    """Delta times and messages of sorted events, each given as `tick << 24 | its three bytes`."""
    deltas = events >> 24
    deltas[1:] -= deltas[:-1]
    longest = int(deltas.max())
    rows = events.astype(">i8").view(np.uint8).reshape(-1, 8)
    rows[:, 4] = deltas & 0x7F
    is_used = np.zeros(rows.shape, bool)
    is_used[:, 4:] = True
    for column, shift in ((3, 7), (2, 14), (1, 21)):
        if longest >> shift:
            digits = deltas >> shift
            is_used[:, column] = digits > 0
            rows[:, column] = digits & 0x7F | 0x80
    return rows[is_used].tobytes()


def _variable_length(value: int) -> bytes:
    """A variable-length quantity: seven bits per byte, all bytes but the last above 0x7F."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))

"""Loops to MIDI files, with deterministic bytes."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import VOICES, DrumLoop, ParameterError, replacing
from trapgen.midi.read import DRUM_CHANNEL

if TYPE_CHECKING:
    import pretty_midi

TICKS_PER_QUARTER: Final = 960
"""Resolution of written files: a whole number of ticks per step on every grid."""

_TICKS_PER_BAR: Final = 4 * TICKS_PER_QUARTER
_PITCHES: Final = np.array([voice.pitch for voice in VOICES])


def write_loop(path: Path, loop: DrumLoop) -> None:
    """Write a loop on General MIDI's drum channel, microtiming included; see `to_bytes`.

    Raises:
        ParameterError: The tempo or the length exceeds what a MIDI file can store.
    """
    data = to_bytes(loop)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def to_pretty_midi(loop: DrumLoop) -> pretty_midi.PrettyMIDI:
    """Convert the loop to a pretty_midi object: one drum instrument, ended by a text event.

    Raises:
        ParameterError: The tempo exceeds what a MIDI file can store, or the loop is longer than
            pretty_midi's `MAX_TICK` (1e7 by default: 2,604 bars).
    """
    import pretty_midi

    most_bars = int(pretty_midi.pretty_midi.MAX_TICK - 1) // _TICKS_PER_BAR
    if loop.n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} for pretty_midi", loop.n_bars)
    return pretty_midi.PrettyMIDI(BytesIO(to_bytes(loop)))


def to_bytes(loop: DrumLoop) -> bytes:
    """A Standard MIDI File of type 1: tempo and meter in the first track, hits in the second.

    A hit that microtiming moves before the file's start is written at the start. Both tracks end
    where the loop ends, so that it repeats in time.

    Raises:
        ParameterError: The tempo or the length exceeds what a MIDI file can store.
    """
    if not 60e6 / 0xFFFFFF <= loop.bpm <= 60e6:
        raise ParameterError("bpm", "from 3.58 to 60,000,000 to be written as MIDI", loop.bpm)
    most_bars = 0x0FFFFFFF // _TICKS_PER_BAR
    if loop.n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} to be written as MIDI", loop.n_bars)
    end_tick = loop.n_bars * _TICKS_PER_BAR
    conductor = (
        b"\x00\xff\x51\x03"
        + round(60e6 / loop.bpm).to_bytes(3, "big")
        + b"\x00\xff\x58\x04\x04\x02\x18\x08"
        # pretty_midi ignores the end of a track; a text event marks the loop's length.
        + _variable_length(end_tick)
        + b"\xff\x01\x03end\x00\xff\x2f\x00"
    )
    drums = b"\x00\xff\x03\x05Drums\x00\xc9\x00" + _encode_events(_events(loop, end_tick))
    chunks = [(b"MThd", struct.pack(">HHH", 1, 2, TICKS_PER_QUARTER))]
    chunks += [(b"MTrk", conductor), (b"MTrk", drums)]
    return b"".join(kind + len(body).to_bytes(4, "big") + body for kind, body in chunks)


def _events(loop: DrumLoop, end_tick: int) -> NDArray[np.int64]:
    """Note-ons, note-offs and the end of the track, sorted as in a file.

    Each is `tick << 24 | its three bytes`.
    """
    ticks_per_step = _TICKS_PER_BAR // loop.steps_per_bar
    by_voice = loop.velocities.T.ravel()
    at = (by_voice > 0).nonzero()[0]
    voices, steps = np.divmod(at, loop.n_steps)
    shifts = loop.offsets[steps, voices].astype(float)
    offsets = np.rint(shifts * ticks_per_step).astype(np.int64)
    # Rounding must not move a late hit into the next step.
    np.minimum(offsets, ticks_per_step // 2 - 1, out=offsets)
    ticks = np.maximum(0, steps * ticks_per_step + offsets)
    ends = np.minimum(ticks + TICKS_PER_QUARTER // 8, end_tick)
    # A repeated key ends its previous note: players pair note-ons and note-offs by key.
    is_same = voices[1:] == voices[:-1]
    np.minimum(ends[:-1], ticks[1:], out=ends[:-1], where=is_same)
    keys = _PITCHES[voices] << 8
    events = np.empty(2 * len(at) + 1, np.int64)
    events[: len(at)] = ticks << 24 | 0x90 + DRUM_CHANNEL << 16 | keys | by_voice[at]
    events[len(at) : -1] = ends << 24 | 0x80 + DRUM_CHANNEL << 16 | keys | 0x40
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

"""Loops into MIDI files, byte for byte the same every time."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import ParameterError
from trapgen.kit import VOICES
from trapgen.loop import DrumLoop
from trapgen.midi.read import DRUM_CHANNEL
from trapgen.store import replacing

if TYPE_CHECKING:
    import pretty_midi

TICKS_PER_QUARTER: Final = 960
"""Resolution of written files: a whole number of ticks a step on every grid."""

_TICKS_PER_BAR: Final = 4 * TICKS_PER_QUARTER
_PITCHES: Final = np.array([voice.pitch for voice in VOICES])


def write_loop(path: Path, loop: DrumLoop) -> None:
    """Write a loop on General MIDI's drum channel, microtiming included; see `to_bytes`.

    Raises:
        ParameterError: The tempo or the length is beyond what a MIDI file can state.
    """
    data = to_bytes(loop)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def to_pretty_midi(loop: DrumLoop) -> pretty_midi.PrettyMIDI:
    """The loop with pretty_midi, to go on with there: one drum instrument, ended by a text event.

    Raises:
        ParameterError: The tempo is beyond what a MIDI file can state, or the loop is longer than
            pretty_midi's `MAX_TICK` (1e7 unless set otherwise: 2,604 bars).
    """
    import pretty_midi

    most_bars = int(pretty_midi.pretty_midi.MAX_TICK - 1) // _TICKS_PER_BAR
    if loop.n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} for pretty_midi", loop.n_bars)
    return pretty_midi.PrettyMIDI(BytesIO(to_bytes(loop)))


def to_bytes(loop: DrumLoop) -> bytes:
    """A Standard MIDI File of type 1: tempo and metre in its first track, the hits in its second.

    A hit that microtiming moves before the file's start is written at the start. Both tracks end
    where the loop ends, so that it repeats in time.

    Raises:
        ParameterError: The tempo or the length is beyond what a MIDI file can state.
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
        # pretty_midi passes over the end of a track: a text tells it how long the loop is.
        + _encode_events(np.array([end_tick << 24 | 0xFF0103]))
        + b"end\x00\xff\x2f\x00"
    )
    notes = np.append(_notes(loop, end_tick), end_tick << 24 | 0xFF2F00)
    drums = b"\x00\xff\x03\x05Drums\x00\xc9\x00" + _encode_events(notes)
    chunks = [(b"MThd", struct.pack(">HHH", 1, 2, TICKS_PER_QUARTER))]
    chunks += [(b"MTrk", conductor), (b"MTrk", drums)]
    return b"".join(kind + len(body).to_bytes(4, "big") + body for kind, body in chunks)


def _notes(loop: DrumLoop, end_tick: int) -> NDArray[np.int64]:
    """Note-ons and note-offs in the order of a file, each as `tick << 24 | its three bytes`."""
    ticks_per_step = _TICKS_PER_BAR // loop.steps_per_bar
    by_voice = loop.velocities.T.ravel()
    at = np.flatnonzero(by_voice > 0)
    voices, steps = np.divmod(at, loop.n_steps)
    shifts = loop.offsets[steps, voices].astype(float)
    offsets = np.rint(shifts * ticks_per_step).astype(np.int64)
    # Rounding must not carry a late hit over into the next step.
    offsets = np.minimum(offsets, ticks_per_step // 2 - 1)
    ticks = np.maximum(0, steps * ticks_per_step + offsets)
    # A key struck again ends its last note: players pair ons and offs by key.
    is_last = np.append(voices[1:] != voices[:-1], True)
    limits = np.where(is_last, end_tick, np.append(ticks[1:], end_tick))
    ends = np.minimum(ticks + TICKS_PER_QUARTER // 8, limits)
    keys = _PITCHES[voices] << 8
    ons = ticks << 24 | 0x90 + DRUM_CHANNEL << 16 | keys | by_voice[at]
    offs = ends << 24 | 0x80 + DRUM_CHANNEL << 16 | keys | 0x40
    # Note-offs have the smaller status: what ends at a tick does so before anything begins.
    return np.sort(np.concatenate([ons, offs]))


def _encode_events(events: NDArray[np.int64]) -> bytes:
    """Delta times and messages of sorted events, each given as `tick << 24 | its three bytes`."""
    deltas = events >> 24
    deltas[1:] -= deltas[:-1]
    rows = events.astype(">i8").view(np.uint8).reshape(-1, 8)
    is_used = np.ones(rows.shape, bool)
    is_used[:, 0] = False
    rows[:, 4] = deltas & 0x7F
    for column, shift in ((3, 7), (2, 14), (1, 21)):
        digits = deltas >> shift
        is_used[:, column] = digits > 0
        rows[:, column] = digits & 0x7F | 0x80
    return rows[is_used].tobytes()

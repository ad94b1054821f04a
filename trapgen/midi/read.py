"""Note-ons in ticks from MIDI files.

The reader keeps every note-on with a velocity above zero. Note-offs do not decide whether a hit
exists: drum files omit them, cross them or give notes no length, and readers that pair notes lose
those hits. Short tracks are read byte by byte; in long ones, runs of plain events are found and
decoded at once, with the same result. Format: Standard MIDI Files 1.0 (RP-001).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import MidiError, read_input
from trapgen.midi.riff import find_start

MAX_MIDI_BYTES: Final = 16 << 20
"""Largest MIDI file that is read; drum loops have kilobytes."""

DRUM_CHANNEL: Final = 9
"""General MIDI's percussion channel, counted from 0."""

# Status bytes of events without two data bytes, mapped to one value.
_BREAKS: Final = bytes(0xFF if 0xC0 <= byte < 0xE0 or byte >= 0xF0 else 0 for byte in range(256))
# Below, reading byte by byte is faster; above, memory would grow with the file.
_SHORTEST_RUN, _LONGEST_RUN = 384, 1 << 16
# Larger values are invalid, and up to here a hit fits into 64 bits (see `_Events`).
_LAST_TICK: Final = 1 << 40
_TICK_BITS: Final = 41
_NO_EVENT: Final = np.array([1 << 62])
_META_TEMPO, _META_METER, _META_END = 0x51, 0x58, 0x2F


@dataclass(frozen=True)
class Strikes:
    """The drum content of a MIDI file.

    Attributes:
        ticks: `(n,)` int64, time of each strike, sorted.
        pitches: `(n,)` uint8, MIDI key.
        velocities: `(n,)` uint8, 1 to 127.
        channels: `(n,)` uint8, 0 to 15; 9 is General MIDI's drums.
        ticks_per_quarter: Resolution of `ticks`.
        tempos: `(tick, quarter notes per minute)` of each tempo event, sorted.
        meters: `(tick, numerator, denominator)` of each time signature, sorted.
        ends: `(n_ends,)` int64, ends of notes, in the file's order (see `lengths`).
        end_tick: End of the longest track.
        is_truncated: Whether the file ended within a track; earlier events were kept.
    """

    ticks: NDArray[np.int64]
    pitches: NDArray[np.uint8]
    velocities: NDArray[np.uint8]
    channels: NDArray[np.uint8]
    ticks_per_quarter: int
    tempos: tuple[tuple[int, float], ...]
    meters: tuple[tuple[int, int, int], ...]
    ends: NDArray[np.int64]
    end_tick: int
    is_truncated: bool

    def __len__(self) -> int:
        return len(self.ticks)

    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` ticks that each key is held: up to its next note-off or note-on; 0 if none.

        Valid only while `ticks` are the file's.
        """
        keys = self.pitches.astype(np.int64) << 4 | self.channels
        starts = keys << _TICK_BITS | self.ticks
        events = np.concatenate([starts, self.ends, _NO_EVENT])
        events.sort()
        ends = events[events.searchsorted(starts, side="right")]
        is_known = ends >> _TICK_BITS == keys
        return np.where(is_known, ends - starts, 0)

    def select(self, kept: NDArray[np.bool_]) -> Strikes:
        """The strikes where `kept`, `(n,)`, is true; the rest of the file unchanged."""
        if kept.all():
            return self
        return replace(
            self,
            ticks=self.ticks[kept],
            pitches=self.pitches[kept],
            velocities=self.velocities[kept],
            channels=self.channels[kept],
        )


def read_strikes(path: str | Path) -> Strikes:
    """Read a MIDI file's note-ons with velocity above zero, its tempos and its meters.

    A file that is cut short, or becomes invalid within a track, is read up to that point. A tick
    beyond 2**40, decades into the file, is invalid.

    Raises:
        MidiError: The file cannot be opened, is no plain file, has over 16 MiB, is not a Standard
            MIDI File, counts time in SMPTE frames, or has a resolution of zero.
    """
    path = Path(path)
    data = read_input(
        path, MidiError, max_bytes=MAX_MIDI_BYTES, detail="Check its name and rights."
    )
    return parse_strikes(data, path)


def parse_strikes(data: bytes, path: str | Path = "<bytes>") -> Strikes:
    """Read the bytes of a MIDI file; see `read_strikes`. `path` is for messages."""
    start = find_start(data)
    if start < 0 or data[start : start + 4] != b"MThd" or len(data) < start + 14:
        received = repr(bytes(data[:8])) if data else "an empty file"
        raise MidiError(path, "not_midi", received, "A MIDI file starts with MThd.")
    header_length, _, n_tracks, division = struct.unpack(">IHHH", data[start + 4 : start + 14])
    if division & 0x8000 or division == 0:
        raise MidiError(
            path, "time_division", f"0x{division:04x}", "Export it with ticks per quarter note."
        )
    events = _Events([], [], [], [], [], [])
    end_tick, n_found, is_truncated = 0, 0, False
    at = start + 8 + header_length
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        at += 8
        if kind == b"MTrk":
            chunk = data[at : at + length]
            n_found += 1
            found_end, at_end, end = _parse_track(chunk, events)
            # Some writers omit the end-of-track event, some write a wrong length.
            is_truncated |= not found_end and (not at_end or len(chunk) < length)
            end_tick = max(end_tick, end)
        at += length
    hits = np.concatenate([np.array(events.hits, dtype=np.int64), *events.runs])
    hits.sort()
    ends = np.concatenate([np.array(events.ends, dtype=np.int64), *events.end_runs])
    return Strikes(
        ticks=hits >> 18,
        pitches=(hits >> 11 & 0x7F).astype(np.uint8),
        velocities=(hits >> 4 & 0x7F).astype(np.uint8),
        channels=(hits & 0x0F).astype(np.uint8),
        ticks_per_quarter=division,
        tempos=tuple(sorted(events.tempos)),
        meters=tuple(sorted(events.meters)),
        ends=ends,
        end_tick=end_tick,
        is_truncated=is_truncated or n_found < n_tracks,
    )


@dataclass(frozen=True, slots=True)
class _Events:
    """Events of the tracks read so far.

    A hit is one number, so that numbers sort as hits do: the tick, and in the low 18 bits pitch,
    velocity and channel. Hits read one by one are in `hits`, those read together in `runs`. The
    end of a note is also one number: pitch, channel and, in the low 41 bits, the tick.
    """

    hits: list[int]
    runs: list[NDArray[np.int64]]
    ends: list[int]
    end_runs: list[NDArray[np.int64]]
    tempos: list[tuple[int, float]]
    meters: list[tuple[int, int, int]]


def _parse_track(chunk: bytes, events: _Events) -> tuple[bool, bool, int]:
    """Append a track's events; return whether its end event and last byte were read, and tick."""
    at, tick, status, next_run = 0, 0, 0, 0
    breaks = chunk.translate(_BREAKS)
    add_hit, add_end = events.hits.append, events.ends.append
    try:
        while at < len(chunk):
            if at >= next_run:
                limit = min(at + _LONGEST_RUN, len(chunk))
                stop = breaks.find(b"\xff", at, limit)
                next_run = limit if stop < 0 else stop + 1
                if next_run - at >= _SHORTEST_RUN:
                    n_read, tick, status = _parse_run(chunk[at:next_run], tick, status, events)
                    at += n_read
                    continue
            delta = chunk[at]
            at += 1
            if delta & 0x80:
                at, delta = _variable_length(chunk, at - 1)
            tick += delta
            if tick > _LAST_TICK:
                return False, False, tick - delta
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
                        _add_meta(kind, body, tick, events)
                    elif byte in (0xF0, 0xF7):
                        at, length = _variable_length(chunk, at)
                        at += length
                    else:
                        return False, False, tick
                    continue
                status = byte
            elif not status:
                return False, False, tick
            if status & 0xE0 == 0x80:
                velocity = chunk[at + 1] & 0x7F
                if status >= 0x90 and velocity:
                    add_hit(tick << 18 | (chunk[at] & 0x7F) << 11 | velocity << 4 | status & 0x0F)
                else:
                    add_end(((chunk[at] & 0x7F) << 4 | status & 0x0F) << _TICK_BITS | tick)
            at += 1 if status & 0xE0 == 0xC0 else 2
    except IndexError:
        return False, False, tick
    return False, at == len(chunk), tick


def _parse_run(chunk: bytes, tick: int, status: int, events: _Events) -> tuple[int, int, int]:
    """Append the hits of many events at once, while all have two data bytes.

    Such an event has three bytes below 0x80: the last of its delta time, and its data. The number
    of low bytes before a high byte therefore identifies it: after 3k of them it belongs to the
    delta time of event k, after 3k + 1 it is the status of event k. Anything else ends the run.

    Returns:
        The number of bytes that were read, and the tick and the status after them.
    """
    data = np.frombuffer(chunk, np.uint8)
    is_high = data >= 0x80
    high = is_high.nonzero()[0]
    n_low = high - np.arange(len(high))
    event = n_low // 3
    place = n_low - 3 * event
    is_status = place == 1
    is_wrong = place == 2
    is_wrong[1:] |= is_status[1:] & (n_low[1:] == n_low[:-1])
    is_wrong[3:] |= n_low[3:] == n_low[:-3]
    n_events = (len(data) - len(high)) // 3
    if is_wrong.any():
        n_events = min(n_events, int(event[is_wrong.argmax()]))
    n_high = int(event.searchsorted(n_events))
    changes = is_status[:n_high].nonzero()[0]
    bounds = np.empty(len(changes) + 2, np.int64)
    bounds[0], bounds[1:-1], bounds[-1] = 0, event[changes], n_events
    if not n_events or (status & 0xE0 in (0x00, 0xC0) and bounds[1]):
        return 0, tick, status
    statuses = np.empty(len(changes) + 1, np.uint8)
    statuses[0], statuses[1:] = status, data[high[changes]]
    status_of = statuses.repeat(bounds[1:] - bounds[:-1])
    low = (~is_high).nonzero()[0][: 3 * n_events].reshape(n_events, 3)
    last_digit, pitch, velocity = data[low].T
    delta = last_digit.astype(np.int64)
    digits = (place[:n_high] == 0).nonzero()[0]
    of, at = event[digits], high[digits]
    np.add.at(delta, of, (data[at] & 0x7F).astype(np.int64) << 7 * (low[of, 0] - at))
    delta[0] += tick
    ticks = delta.cumsum()
    if ticks[-1] > _LAST_TICK:
        return 0, tick, status
    is_hit = (status_of & 0xF0 == 0x90) & (velocity > 0)
    hits = is_hit.nonzero()[0]
    packed = ticks[hits] << 7 | pitch[hits]
    packed = packed << 7 | velocity[hits]
    packed = packed << 4 | status_of[hits] & 0x0F
    events.runs.append(packed)
    ends = ((status_of & 0xE0 == 0x80) & ~is_hit).nonzero()[0]
    keys = pitch[ends].astype(np.int64) << 4 | status_of[ends] & 0x0F
    events.end_runs.append(keys << _TICK_BITS | ticks[ends])
    return 3 * n_events + n_high, int(ticks[-1]), int(statuses[-1])


def _variable_length(chunk: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length quantity: its end, and its value."""
    value = 0
    for _ in range(4):
        byte = chunk[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return at, value
    raise IndexError("a variable-length quantity has at most four bytes")


def _add_meta(kind: int, body: bytes, tick: int, events: _Events) -> None:
    if kind == _META_TEMPO and len(body) == 3 and any(body):
        events.tempos.append((tick, round(60e6 / int.from_bytes(body, "big"), 2)))
    elif kind == _META_METER and len(body) >= 2 and body[0] and body[1] < 8:
        events.meters.append((tick, body[0], 2 ** body[1]))

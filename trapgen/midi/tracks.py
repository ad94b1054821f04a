"""Events of one track of a MIDI file, read byte by byte or, in long tracks, many at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

TICK_BITS: Final = 41
"""Low bits of the end of a note that hold its tick (see `Track`)."""

# Status bytes of events without two data bytes, mapped to one value.
_BREAKS: Final = bytes(0xFF if 0xC0 <= byte < 0xE0 or byte >= 0xF0 else 0 for byte in range(256))
# Below, reading byte by byte is faster; above, memory would grow with the file.
_SHORTEST_RUN, _LONGEST_RUN = 384, 1 << 16
# Larger values are invalid, and up to here a hit fits into 64 bits (see `Track`).
_LAST_TICK: Final = 1 << 40
_META_NAME, _META_MARKER, _META_END, _META_TEMPO, _META_METER = 0x03, 0x06, 0x2F, 0x51, 0x58
_LONGEST_TEXT: Final = 100
# Data bytes of messages that belong on a cable and not into a file: quarter frame, song position,
# song select, tune request, clock, start, continue, stop, active sensing and their like.
_STRAY: Final = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, **dict.fromkeys(range(0xF8, 0xFF), 0)}
_FIRST_REAL_TIME: Final = 0xF8


class _NoLengthError(Exception):
    """A variable-length quantity has more than four bytes."""


@dataclass(slots=True)
class Track:
    """What a track holds, and how its reading ended.

    A hit is one number, so that numbers sort as hits do: the tick, and in the low 18 bits pitch,
    velocity and channel. Hits read one by one are in `hits`, those read together in `runs`. The
    end of a note is also one number: pitch, channel and, in the low 41 bits, the tick.

    Attributes:
        name: Its name; empty if it has none.
        markers: `(tick, text)` of each marker.
        end_tick: Its last tick.
        n_read: Bytes that were read.
        n_stray: Messages that were passed over because no file may hold them, as clock bytes.
        has_end: Whether its end event was read.
        is_whole: Whether all of its bytes were events; False where something invalid stopped it.
        has_run_out: Whether its bytes ran out before its end event, between events or within one.
        has_cut_end: Whether its bytes ran out within the end event.
    """

    hits: list[int] = field(default_factory=list)
    runs: list[NDArray[np.int64]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    end_runs: list[NDArray[np.int64]] = field(default_factory=list)
    tempos: list[tuple[int, float]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    name: str = ""
    end_tick: int = 0
    n_read: int = 0
    n_stray: int = 0
    has_end: bool = False
    is_whole: bool = False
    has_run_out: bool = False
    has_cut_end: bool = False

    def list_hits(self) -> NDArray[np.int64]:
        """`(n,)` all hits, in the order they were read."""
        return np.concatenate([np.array(self.hits, dtype=np.int64), *self.runs])

    def list_ends(self) -> NDArray[np.int64]:
        """`(n_ends,)` all ends of notes."""
        return np.concatenate([np.array(self.ends, dtype=np.int64), *self.end_runs])


def parse_track(chunk: bytes) -> Track:
    """Read the events of a track, as far as they are valid."""
    track = Track()
    at, tick, status, next_run, start = 0, 0, 0, 0, 0
    breaks = chunk.translate(_BREAKS)
    add_hit, add_end = track.hits.append, track.ends.append
    try:
        while at < len(chunk):
            start = at
            if at >= next_run:
                limit = min(at + _LONGEST_RUN, len(chunk))
                stop = breaks.find(b"\xff", at, limit)
                next_run = limit if stop < 0 else stop + 1
                if next_run - at >= _SHORTEST_RUN:
                    n_read, tick, status = _parse_run(chunk[at:next_run], tick, status, track)
                    at += n_read
                    continue
            delta = chunk[at]
            at += 1
            if delta & 0x80:
                at, delta = _variable_length(chunk, at - 1)
            if tick + delta > _LAST_TICK:
                break
            tick += delta
            byte = chunk[at]
            if byte & 0x80:
                at += 1
                if byte >= 0xF0:
                    n_stray = _STRAY.get(byte)
                    if byte == 0xFF:
                        kind = chunk[at]
                        at, length = _variable_length(chunk, at + 1)
                        at += length
                        if kind == _META_END:
                            track.has_end = True
                            break
                        _add_meta(kind, chunk[at - length : at], tick, track)
                    elif n_stray is not None:
                        at += n_stray
                        track.n_stray += 1
                    elif byte in (0xF0, 0xF7):
                        at, length = _variable_length(chunk, at)
                        at += length
                    else:
                        break
                    continue
                status = byte
            elif not status:
                break
            if status & 0xE0 == 0xC0:
                at = _skip_real_time(chunk, at, track) + 1
                continue
            if (chunk[at] | chunk[at + 1]) & 0x80:
                at = _skip_real_time(chunk, at, track)
                key, at = chunk[at], _skip_real_time(chunk, at + 1, track)
                velocity, at = chunk[at] & 0x7F, at + 1
            else:
                key, velocity, at = chunk[at], chunk[at + 1] & 0x7F, at + 2
            if status & 0xE0 == 0x80:
                if status >= 0x90 and velocity:
                    add_hit(tick << 18 | (key & 0x7F) << 11 | velocity << 4 | status & 0x0F)
                else:
                    add_end(((key & 0x7F) << 4 | status & 0x0F) << TICK_BITS | tick)
        else:
            start = at
    except IndexError:
        track.has_run_out = True
        track.has_cut_end = _is_cut_end(chunk[start:])
    except _NoLengthError:
        pass
    track.n_read, track.end_tick = at, tick
    track.is_whole = track.has_end or start == len(chunk)
    track.has_run_out |= start == len(chunk)
    return track


def _is_cut_end(rest: bytes) -> bool:
    """Whether bytes begin an end event: a delta time, and perhaps the start of its message."""
    digits = 0
    while digits < len(rest) and rest[digits] & 0x80:
        digits += 1
    return digits < 4 and rest[digits + 1 :] in (b"", b"\xff", b"\xff\x2f")


def _skip_real_time(chunk: bytes, at: int, track: Track) -> int:
    """Where a data byte stands, behind real-time bytes: those may interrupt an event on a cable."""
    while _FIRST_REAL_TIME <= chunk[at] < 0xFF:
        at += 1
        track.n_stray += 1
    return at


def _parse_run(chunk: bytes, tick: int, status: int, track: Track) -> tuple[int, int, int]:
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
    track.runs.append(packed)
    ends = ((status_of & 0xE0 == 0x80) & ~is_hit).nonzero()[0]
    keys = pitch[ends].astype(np.int64) << 4 | status_of[ends] & 0x0F
    track.end_runs.append(keys << TICK_BITS | ticks[ends])
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
    raise _NoLengthError


def _add_meta(kind: int, body: bytes, tick: int, track: Track) -> None:
    if kind == _META_TEMPO and len(body) == 3 and any(body):
        track.tempos.append((tick, round(60e6 / int.from_bytes(body, "big"), 2)))
    elif kind == _META_METER and len(body) >= 2 and body[0] and body[1] < 8:
        track.meters.append((tick, body[0], 2 ** body[1]))
    elif kind == _META_MARKER:
        track.markers.append((tick, _read_text(body)))
    elif kind == _META_NAME and not track.name:
        track.name = _read_text(body)


def _read_text(body: bytes) -> str:
    """A text of the file on one line: UTF-8, or Latin-1 as older programs write it."""
    body = body[: 4 * _LONGEST_TEXT]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain.strip()[:_LONGEST_TEXT]

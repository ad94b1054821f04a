"""MIDI files of drum patterns, put together from events at absolute times."""

from __future__ import annotations

from pathlib import Path

from tests.strategies import END, variable_length
from trapgen.core import StandardizeParams
from trapgen.ingest import Standardized, read_loop

QUARTER = 480
BAR = 4 * QUARTER
KICK, SNARE, HAT = 36, 38, 42

Event = tuple[int, int, bytes]


def hit(tick: int, key: int = KICK, length: int = 60, channel: int = 9) -> list[Event]:
    """A note: at one tick its end comes before its start."""
    on, off = bytes([0x90 | channel, key, 100]), bytes([0x80 | channel, key, 64])
    return [(tick, 2, on), (tick + length, 0, off)]


def meta(tick: int, kind: int, body: bytes) -> list[Event]:
    return [(tick, 1, bytes([0xFF, kind]) + variable_length(len(body)) + body)]


def tempo(bpm: float, tick: int = 0) -> list[Event]:
    return meta(tick, 0x51, round(60e6 / bpm).to_bytes(3, "big"))


def meter(numerator: int, denominator: int, tick: int = 0) -> list[Event]:
    return meta(tick, 0x58, bytes([numerator, denominator.bit_length() - 1, 24, 8]))


def named(text: str) -> list[Event]:
    return meta(0, 3, text.encode())


def marker(tick: int, text: str) -> list[Event]:
    return meta(tick, 6, text.encode())


def trap(
    bars: int = 2, *, snares: tuple[int, ...] = (2,), start: int = 0, channel: int = 9
) -> list[Event]:
    """Kick on 1 and before 3, eighth hats, snares on beats counted from 0."""
    events: list[Event] = []
    for at in range(start, start + bars * BAR, BAR):
        events += hit(at, channel=channel) + hit(at + 3 * QUARTER // 2, channel=channel)
        for beat in snares:
            events += hit(at + beat * QUARTER, SNARE, channel=channel)
        for eighth in range(8):
            events += hit(at + eighth * QUARTER // 2, HAT, channel=channel)
    return events


def lay(events: list[Event], end: int | None = None) -> bytes:
    """A track that ends at a tick, by default with its last event."""
    body, now = b"", 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        body, now = body + variable_length(tick - now) + message, tick
    body += variable_length(max(0, (now if end is None else end) - now)) + END[1:]
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def save(path: Path, *tracks: bytes, division: int = QUARTER, kind: int = 1) -> Path:
    """Write a file of tracks."""
    head = b"".join(number.to_bytes(2, "big") for number in (kind, len(tracks), division))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"MThd\0\0\0\6" + head + b"".join(tracks))
    return path


def read(path: Path, steps_per_bar: int = 32, **options: object) -> Standardized:
    """Read a file's only loop."""
    return read_loop(path, StandardizeParams(steps_per_bar, **options))  # type: ignore[arg-type]

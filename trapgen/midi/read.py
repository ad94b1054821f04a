"""Note-ons in ticks from MIDI files.

The reader keeps every note-on with a velocity above zero. Note-offs do not decide whether a hit
exists: drum files omit them, cross them or give notes no length, and readers that pair notes lose
those hits. Format: Standard MIDI Files 1.0 (RP-001).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from trapgen.core import MidiError, read_input
from trapgen.midi.riff import find_start
from trapgen.midi.tracks import TICK_BITS, Track, parse_track

MAX_MIDI_BYTES: Final = 16 << 20
"""Largest MIDI file that is read; drum loops have kilobytes."""

DRUM_CHANNEL: Final = 9
"""General MIDI's percussion channel, counted from 0."""

_SEQUENTIAL: Final = 2
"""Format of files whose tracks are patterns that do not sound together."""

_TRACK: Final = b"MTrk"
_CHUNK_LETTERS: Final = (ascii_letters + digits + " ").encode()
_Timed = TypeVar("_Timed", bound=tuple[Any, ...])
_TICKS: Final = (1 << TICK_BITS) - 1
# Larger than any end of a note.
_NO_EVENT: Final = np.array([1 << 62])
_EMPTY: Final = Track()
_MOST_DAMAGE: Final = 8
"""Pieces of damage beyond which a file is no longer read: it is not small."""

_LONGEST_CUT: Final = 4
"""Bytes of the end event: a file that lacks no more has lost no note."""


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
        tracks: `(n,)` uint16, number of the track of each strike, from 0.
        end_tracks: `(n_ends,)` uint16, the same of each end.
        track_names: Name of each track, empty if it has none.
        markers: `(tick, text)` of each marker, sorted.
        damage: What is wrong with the file but loses no note, one clause each: wrong lengths or
            counts, bytes that do not belong there, a missing end.
        patterns: Of a file of format 2, whose tracks do not sound together, each track with notes
            as strikes of its own; else empty.
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
    tracks: NDArray[np.uint16] = field(default=None)  # type: ignore[arg-type]
    end_tracks: NDArray[np.uint16] = field(default=None)  # type: ignore[arg-type]
    track_names: tuple[str, ...] = ("",)
    markers: tuple[tuple[int, str], ...] = ()
    damage: tuple[str, ...] = ()
    patterns: tuple[Strikes, ...] = ()

    def __post_init__(self) -> None:
        for name, values in (("tracks", self.ticks), ("end_tracks", self.ends)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.zeros(len(values), np.uint16))

    def __len__(self) -> int:
        return len(self.ticks)

    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` ticks that each key is held: up to its next note-off or note-on; 0 if none.

        Valid only while `ticks` are the file's.
        """
        keys = self.pitches.astype(np.int64) << 4 | self.channels
        starts = keys << TICK_BITS | self.ticks
        events = np.concatenate([starts, self.ends, _NO_EVENT])
        events.sort()
        ends = events[events.searchsorted(starts, side="right")]
        is_known = ends >> TICK_BITS == keys
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
            tracks=self.tracks[kept],
        )

    def of_tracks(self, numbers: Sequence[int]) -> Strikes:
        """The strikes of some tracks; tempos, meters and length stay the file's."""
        kept = np.isin(self.end_tracks, numbers)
        part = self.select(np.isin(self.tracks, numbers))
        return replace(part, ends=self.ends[kept], end_tracks=self.end_tracks[kept])

    def retime(self, times: int, delay: int = 0) -> Strikes:
        """Strikes and ends at `times` as many ticks, and `delay` later; other events stay."""
        ticks = self.ends & _TICKS
        return replace(
            self,
            ticks=times * self.ticks + delay,
            ends=self.ends - ticks + times * ticks + delay,
            end_tick=times * self.end_tick + delay,
        )

    def window(self, start: int, end: int) -> Strikes:
        """The strikes from one tick to another, as a file that begins at the first.

        A strike less than a 192nd of a bar before a limit belongs to what follows it.
        """
        early = 4 * self.ticks_per_quarter // 192
        part = self.select((self.ticks >= start - early) & (self.ticks < end - early))
        end_ticks = self.ends & _TICKS
        kept = end_ticks > start
        return replace(
            part,
            ticks=np.maximum(part.ticks - start, 0),
            tempos=_move(self.tempos, start, end),
            meters=_move(self.meters, start, end),
            markers=_move(self.markers, start, end),
            ends=self.ends[kept] - start,
            end_tracks=self.end_tracks[kept],
            end_tick=end - start,
        )


def _move(events: Sequence[_Timed], start: int, end: int) -> tuple[_Timed, ...]:
    """Events before `end`, `start` ticks earlier; of those before `start` the last holds."""
    before = [event for event in events if event[0] <= start][-1:]
    later = [event for event in events if start < event[0] < end]
    moved: Any = [(max(0, event[0] - start), *event[1:]) for event in (*before, *later)]
    return tuple(moved)


def read_strikes(path: str | Path) -> Strikes:
    """Read a MIDI file's note-ons with velocity above zero, its tempos and its meters.

    A file that is cut short, or becomes invalid within a track, is read up to that point. Damage
    that loses no note is listed in `Strikes.damage`. A tick beyond 2**40, decades into the file,
    is invalid.

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
    if len(data) > MAX_MIDI_BYTES:
        detail = f"At most {MAX_MIDI_BYTES:,} bytes are read."
        raise MidiError(path, "file_size", f"{len(data):,} bytes", detail)
    start = find_start(data)
    if start < 0 or data[start : start + 4] != b"MThd" or len(data) < start + 14:
        received = repr(bytes(data[:8])) if data else "an empty file"
        raise MidiError(path, "not_midi", received, "A MIDI file starts with MThd.")
    header_length, file_format, n_tracks, division = struct.unpack(
        ">IHHH", data[start + 4 : start + 14]
    )
    if division & 0x8000 or division == 0:
        frames = f"It counts {256 - (division >> 8)} SMPTE frames a second. " if division else ""
        detail = f"{frames}Export it with ticks per quarter note."
        raise MidiError(path, "time_division", f"0x{division:04x}", detail)
    tracks, damage, is_truncated = _parse_tracks(data, start + 8 + header_length, n_tracks)
    if file_format == _SEQUENTIAL:
        patterns = tuple(_join([track], division) for track in tracks)
        patterns = tuple(pattern for pattern in patterns if len(pattern))
    else:
        patterns = ()
    return replace(
        _join(tracks, division), damage=damage, is_truncated=is_truncated, patterns=patterns
    )


def _parse_tracks(data: bytes, at: int, n_tracks: int) -> tuple[list[Track], tuple[str, ...], bool]:
    """The tracks from a position on, small damage in words, and whether the file is cut."""
    tracks: list[Track] = []
    damage: list[str] = []
    is_truncated, n_stray = False, 0
    while at + 8 <= len(data) and len(damage) <= _MOST_DAMAGE:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        end = at + 8 + length
        if kind != _TRACK:
            if not (_is_chunk(data, at) and _is_chunk(data, end)):
                found = data.find(_TRACK, at + 1)
                if found < 0:
                    break
                damage.append(f"{found - at} bytes before track {len(tracks) + 1} are none of it")
                end = found
            at = end
            continue
        at += 8
        if not length and data[at : at + 4] == _TRACK:
            tracks.append(_EMPTY)
            continue
        track = parse_track(data[at:end])
        name = f"track {len(tracks) + 1}"
        if track.has_run_out and end < len(data) and not _is_chunk(data, end):
            # Its length is too small if its end event comes before the next track.
            following = data.find(_TRACK, end)
            longer = parse_track(data[at : following if following >= 0 else len(data)])
            if longer.has_end:
                track, end = longer, at + longer.n_read
                damage.append(f"{name} is longer than it states")
        after = at + track.n_read
        is_early = data[after : after + 4] == _TRACK or end > len(data) or not _is_chunk(data, end)
        if track.has_end and after < end and is_early:
            end = after
            damage.append(f"{name} is shorter than it states")
        n_missing = max(0, end - len(data))
        if not track.has_end and (n_missing or not track.is_whole):
            is_small = n_missing <= _LONGEST_CUT if n_missing else track.has_cut_end
            if not is_small or (n_missing and len(tracks) + 1 < n_tracks):
                is_truncated = True
            else:
                damage.append(f"the last bytes of {name} are missing")
        tracks.append(track)
        n_stray += track.n_stray
        at = end
    is_truncated |= not tracks or len(damage) > _MOST_DAMAGE
    is_truncated |= (
        len(tracks) < n_tracks and at < len(data) and _TRACK.startswith(data[at : at + 4])
    )
    if len(tracks) != n_tracks:
        damage.append(f"the header counts {n_tracks} tracks, the file has {len(tracks)}")
    if n_stray:
        damage.append(f"{n_stray} messages, such as clock bytes, do not belong into a file")
    return tracks, tuple(damage), is_truncated


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a track, another chunk that ends within the file, or the file's end is at a place."""
    kind = data[at : at + 4]
    if kind == _TRACK or not kind:
        return True
    is_named = len(kind) == 4 and not kind.translate(None, _CHUNK_LETTERS)
    return is_named and at + 8 + int.from_bytes(data[at + 4 : at + 8], "big") <= len(data)


def _join(tracks: Sequence[Track], ticks_per_quarter: int) -> Strikes:
    """The strikes of tracks that sound together."""
    nothing = np.zeros(0, np.int64)
    hits = [nothing if track is _EMPTY else track.list_hits() for track in tracks]
    ends = [nothing if track is _EMPTY else track.list_ends() for track in tracks]
    numbers = np.arange(len(tracks), dtype=np.uint16)
    every = np.concatenate([nothing, *hits])
    of_track = numbers.repeat([len(each) for each in hits])
    if np.count_nonzero([len(each) for each in hits]) > 1:
        order = every.argsort(kind="stable")
        every, of_track = every[order], of_track[order]
    else:
        every.sort()
    return Strikes(
        ticks=every >> 18,
        pitches=(every >> 11 & 0x7F).astype(np.uint8),
        velocities=(every >> 4 & 0x7F).astype(np.uint8),
        channels=(every & 0x0F).astype(np.uint8),
        ticks_per_quarter=ticks_per_quarter,
        # Of two at one tick the later track's counts, as a player would have it.
        tempos=_sort(event for track in tracks for event in track.tempos),
        meters=_sort(event for track in tracks for event in track.meters),
        ends=np.concatenate([nothing, *ends]),
        end_tick=max((track.end_tick for track in tracks), default=0),
        is_truncated=False,
        tracks=of_track,
        end_tracks=numbers.repeat([len(each) for each in ends]),
        track_names=tuple(track.name for track in tracks),
        markers=_sort(event for track in tracks for event in track.markers),
    )


def _sort(events: Iterable[_Timed]) -> tuple[_Timed, ...]:
    return tuple(sorted(events, key=itemgetter(0)))

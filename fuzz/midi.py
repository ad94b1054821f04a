"""Breaks MIDI files in every way that files get broken: each is read or refused.

`python -m fuzz.midi --seconds 60 --seed 1` mutates real files (those of `TRAPGEN_SHARED`, else the
starter corpus). Each has to give a loop or a `MidiError`, account for every strike, and the loop
has to be writable.
"""

from __future__ import annotations

import os
import random
import struct
import sys
import tempfile
from functools import cache
from pathlib import Path

from fuzz.mutations import PLAIN, Mutation, break_bytes
from fuzz.runner import Case, Fuzzer, main
from trapgen.core import MidiError, StandardizeParams
from trapgen.ingest import find_midi, read_loop, write_packs
from trapgen.midi import parse_strikes, read_strikes, to_bytes

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("loop.mid", "Kick_01.mid", "02_Trap_Hat 140bpm.mid")
PARAMS = (
    StandardizeParams(),
    StandardizeParams(96, meter="ignore"),
    StandardizeParams(16, key_map="paper", feel="keep"),
)


@cache
def load_files(limit: int = 300) -> list[bytes]:
    """The files to mutate: small real ones, a sample of all folders, or the starter corpus."""
    shared = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared")) / "data"
    with tempfile.TemporaryDirectory() as folder:
        if not shared.is_dir():
            write_packs(Path(folder))
        paths = find_midi(shared if shared.is_dir() else Path(folder))
        small = [path for path in paths if path.stat().st_size <= 1 << 14]
        sample = random.Random(0).sample(small, min(limit, len(small)))
        return [path.read_bytes() for path in sample]


def load() -> list[Case]:
    """Each file under one of `NAMES`, which say different things of it."""
    return [{NAMES[at % len(NAMES)]: data} for at, data in enumerate(load_files())]


def inflate(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A chunk that lies about its length."""
    at = data.find(rng.choice((b"MTrk", b"MThd")), rng.choice((0, len(data) // 2)))
    length = rng.choice((0, 1, 5, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(1 << 16)))
    if at >= 0:
        data[at + 4 : at + 8] = struct.pack(">I", length)


def rewrite_header(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """Another format, number of tracks or resolution."""
    values = [rng.choice((0, 1, 2, 24, 96, 0x7FFF, 0xE728, 0xFFFF)) for _ in range(3)]
    data[8:14] = struct.pack(">HHH", *values)


def break_status(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """Statuses lost, doubled, or turned into others with another number of data bytes."""
    statuses = [at for at in range(14, len(data)) if data[at] >= 0x80]
    for at in rng.sample(statuses, min(len(statuses), rng.randint(1, 8))):
        data[at] = rng.choice((0, 0x80, 0x99, 0xA9, 0xC9, 0xD9, 0xE9, 0xF0, 0xF5, 0xF7, 0xFF))


def stretch_time(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """Delta times of many digits, some of more than the four that there may be."""
    at = rng.randrange(len(data))
    times = rng.choice((1, 3, 2000))
    data[at:at] = (b"\xff" * rng.randint(1, 5) + b"\x7f\x99\x24\x40") * times


def add_meta(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A meta event of any kind, its length right or wrong."""
    at = data.find(b"MTrk") + 8 if rng.random() < 0.5 else rng.randrange(len(data))
    kind = rng.choice((0x01, 0x2F, 0x51, 0x58, 0x7F, rng.randrange(256)))
    length = rng.choice((0, 1, 2, 3, 4, 0x7F))
    body = bytes(rng.choice((0, 1, 4, 0x7F, 0xFF)) for _ in range(rng.choice((length, 3))))
    data[at:at] = bytes((0, 0xFF, kind, length)) + body


def wrap(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A RIFF head, or a part of one, or a container with a chunk before the file."""
    noise = bytes(rng.randrange(256) for _ in range(rng.choice((0, 16, 80))))
    chunk = b"RMIDLIST" + struct.pack("<I", rng.choice((len(noise), 0, 0xFFFFFFFF))) + noise
    chunk += b"data" + struct.pack("<I", rng.choice((len(data), 0, 20, 0xFFFFFFFF)))
    data[:0] = rng.choice((b"RIFF" + noise, b"RIFF" + struct.pack("<I", len(data)) + chunk))


def append(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """More behind the end: silence, half a track, another file, thousands of tracks."""
    data += rng.choice((bytes(9), b"MTrk", rng.choice(others), b"MTrk\0\0\0\0" * 5000))


MUTATIONS: tuple[Mutation, ...] = (
    *PLAIN,
    *(inflate, rewrite_header, break_status, stretch_time, add_meta, wrap, append),
)


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """One to four mutations of the file."""
    others = [data for seed in seeds for data in seed.values()]
    for name, data in case.items():
        case[name] = break_bytes(data, rng, others, MUTATIONS)


# What has to hold.


def read(source: Path, _: Path) -> str:
    """Read the file under every parameter set; the last rule that refused it, or `read`.

    Raises:
        AssertionError: A strike is not accounted for, here or in the loop as it is written.
    """
    (path,) = source.iterdir()
    word = ""
    for params in PARAMS:
        try:
            found = read_loop(path, params)
        except MidiError as error:
            word = error.rule
            if not str(error).isprintable():
                raise AssertionError(f"a message {error!s}") from error
            continue
        word = "read"
        counts = (found.loop.n_onsets, found.collapsed_onsets, found.dropped_onsets)
        n_strikes = len(read_strikes(path))
        if min(counts) < 0 or sum(counts) != n_strikes:
            raise AssertionError(f"onsets, collapsed, dropped {counts} of {n_strikes} strikes")
        n_written = len(parse_strikes(to_bytes(found.loop)))
        if n_written != found.loop.n_onsets:
            raise AssertionError(f"{n_written} strikes written of {found.loop.n_onsets}")
    return word


FUZZER = Fuzzer("midi", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

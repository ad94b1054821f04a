"""Breaks MIDI files in every way that files get broken, and sees that each is read or refused.

`python -m fuzz.midi --seconds 60 --seed 1` mutates real files (those of `TRAPGEN_SHARED`, else the
starter corpus). For each, `read_loop` has to give a loop or a `MidiError` within two seconds and
200 MiB, account for every strike, and the loop has to be writable. What fails is made small, kept
in `fuzz/finds/`, and read again by the tests ever after. File number n of a seed is the same file
on every machine with the same seed files.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import struct
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from trapgen.core import MidiError, StandardizeParams
from trapgen.ingest import find_midi, read_loop, write_packs
from trapgen.midi import parse_strikes, read_strikes, to_bytes

ROOT = Path(__file__).resolve().parents[1]
FINDS = Path(__file__).parent / "finds"
MAX_S = 2.0
MAX_BYTES = 200 * 2**20
LONGEST_FILE = 1 << 20

NAMES = ("loop.mid", "Kick_01.mid", "02_Trap_Hat 140bpm.mid")
PARAMS = (
    StandardizeParams(),
    StandardizeParams(96, meter="ignore"),
    StandardizeParams(16, key_map="paper", feel="keep"),
)


class TooSlow(BaseException):
    """Raised by the alarm; no handler of ordinary exceptions may catch it."""


def load_seeds(limit: int = 300) -> list[bytes]:
    """The files to mutate: small real ones, a sample of all folders, or the starter corpus."""
    shared = Path(os.environ.get("TRAPGEN_SHARED", ROOT.parent / "shared")) / "data"
    with tempfile.TemporaryDirectory() as folder:
        if not shared.is_dir():
            write_packs(Path(folder))
        paths = find_midi(shared if shared.is_dir() else Path(folder))
        small = [path for path in paths if path.stat().st_size <= 1 << 14]
        sample = random.Random(0).sample(small, min(limit, len(small)))
        return [path.read_bytes() for path in sample]


# Mutations: each takes the file, a generator and the other files, and gives the broken file.

Mutation = Callable[[bytearray, random.Random, list[bytes]], None]


def flip(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A few bytes become others."""
    for _ in range(rng.randint(1, 12)):
        data[rng.randrange(len(data))] = rng.randrange(256)


def cut(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """The end is missing."""
    del data[rng.randrange(len(data)) :]


def delete(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A piece is missing."""
    at = rng.randrange(len(data))
    del data[at : at + rng.randint(1, 60)]


def splice(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A piece of another file, in between or instead."""
    other = rng.choice(others)
    start, at = rng.randrange(len(other)), rng.randrange(len(data))
    data[at : at + rng.choice((0, 30))] = other[start : start + rng.randint(1, 400)]


def repeat(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A piece over and over."""
    at = rng.randrange(len(data))
    piece = data[at : at + rng.randint(1, 200)]
    data[at:at] = piece * rng.choice((1, 10, 1000))


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
    """A RIFF head, or a part of one."""
    data[:0] = b"RIFF" + bytes(rng.randrange(256) for _ in range(rng.choice((0, 16, 80))))


def append(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """More behind the end: silence, half a track, another file, thousands of tracks."""
    data += rng.choice((bytes(9), b"MTrk", rng.choice(others), b"MTrk\0\0\0\0" * 5000))


MUTATIONS: tuple[Mutation, ...] = (
    *(flip, cut, delete, splice, repeat, inflate, rewrite_header),
    *(break_status, stretch_time, add_meta, wrap, append),
)


def mutate(seeds: list[bytes], seed: int, number: int) -> bytes:
    """File `number` of a seed: one of `seeds` after one to four mutations."""
    rng = random.Random(f"{seed}:{number}")
    data = bytearray(rng.choice(seeds))
    for mutation in rng.choices(MUTATIONS, k=rng.randint(1, 4)):
        if len(data) > 20:
            mutation(data, rng, seeds)
    return bytes(data[:LONGEST_FILE])


# What has to hold.


def read(path: Path, params: StandardizeParams) -> str:
    """Read one file; the rule that refused it, or `read`.

    Raises:
        AssertionError: A strike is not accounted for, here or in the loop as it is written.
        Exception: The find.
    """
    try:
        found = read_loop(path, params)
    except MidiError as error:
        if not str(error):
            raise AssertionError("a refusal without a message") from error
        return error.rule
    counts = (found.loop.n_onsets, found.collapsed_onsets, found.dropped_onsets)
    n_strikes = len(read_strikes(path))
    if min(counts) < 0 or sum(counts) != n_strikes:
        raise AssertionError(f"onsets, collapsed, dropped {counts} of {n_strikes} strikes")
    n_written = len(parse_strikes(to_bytes(found.loop)))
    if n_written != found.loop.n_onsets:
        raise AssertionError(f"{n_written} strikes written of {found.loop.n_onsets}")
    return "read"


def check(path: Path, *, weigh: bool = False) -> tuple[str | None, str]:
    """Read a file under every parameter set.

    Args:
        path: The file.
        weigh: Measure memory whatever the time; else only of a file that takes over 0.1 s.

    Returns:
        What is wrong with how it is read, None if nothing is, and what became of the file.
    """
    outcome, slowest = "", 0.0
    for params in PARAMS:
        start = time.process_time()
        try:
            outcome = read(path, params)
        except Exception as error:
            return f"{type(error).__name__}: {error} under {params}", ""
        slowest = max(slowest, time.process_time() - start)
        if slowest > MAX_S:
            return f"{slowest:.1f} s under {params}", outcome
        if weigh or slowest > 0.1:
            tracemalloc.start()
            read(path, params)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            if peak > MAX_BYTES:
                return f"{peak / 2**20:.0f} MiB under {params}", outcome
    return None, outcome


def check_bytes(data: bytes, folder: Path, number: int = 0) -> tuple[str | None, str]:
    """`check` of a file with these bytes; one in a hundred is weighed."""
    path = folder / NAMES[number % len(NAMES)]
    path.write_bytes(data)
    return check(path, weigh=number % 100 == 0)


def check_watched(data: bytes, folder: Path, number: int) -> tuple[str | None, str]:
    """`check_bytes` under an alarm: an endless loop ends too."""
    # Far over the limit: the machine may be busy.
    signal.setitimer(signal.ITIMER_REAL, 30 * MAX_S)
    try:
        return check_bytes(data, folder, number)
    except TooSlow:
        return "endless", ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def shrink(data: bytes, is_find: Callable[[bytes], bool], seconds: float = 20) -> bytes:
    """Take out all that the find can do without, in ever smaller pieces."""
    until, size = time.monotonic() + seconds, len(data) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(data) and time.monotonic() < until:
            smaller = data[:at] + data[at + size :]
            if is_find(smaller):
                data = smaller
            else:
                at += size
        size //= 2
    return data


def stop(*_: object) -> None:
    """The alarm's handler."""
    raise TooSlow


def main() -> int:
    """Run; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    parser.add_argument("--files", type=int, default=sys.maxsize, help="at most so many")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, stop)
    seeds, outcomes, finds = load_seeds(), Counter[str](), 0
    start, number = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while number < options.files and time.monotonic() - start < options.seconds:
            data = mutate(seeds, options.seed, number)
            wrong, outcome = check_watched(data, folder, number)
            if wrong:
                finds += 1
                keep(data, wrong, folder, number)
            outcomes[outcome if not wrong else "find"] += 1
            number += 1
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{number} files in {time.monotonic() - start:.0f} s, seed {options.seed}: {counts}")
    return 1 if finds else 0


def keep(data: bytes, wrong: str, folder: Path, number: int) -> None:
    """Make a find small, put it into `FINDS` and say so."""
    kind = wrong.split(":")[0].split(" ")[0]

    def is_find(smaller: bytes) -> bool:
        found = check_watched(smaller, folder, number)[0]
        return found is not None and found.startswith(kind)

    if not kind[0].isdigit():  # times and weights do not shrink
        data = shrink(data, is_find)
    FINDS.mkdir(exist_ok=True)
    path = FINDS / f"{blake2b(data, digest_size=4).hexdigest()} {NAMES[number % len(NAMES)]}"
    path.write_bytes(data)
    print(f"file {number}: {wrong}\n  kept as {path}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

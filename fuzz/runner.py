"""Runs a fuzzer: broken files without end, each read in a process that is watched.

A fuzzer has seeds, a way to break them and a way to read them. Reading has to end in a result or
in a refusal, a `TrapgenError` of one printable line: never in another error, a crash, a wait or a
use of memory beyond the fuzzer's limits. What fails is made small, kept in `fuzz/finds/`, and read
again by the tests ever after. Case number n of a seed is the same on every machine with the same
seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from trapgen.core import TrapgenError

FINDS: Final = Path(__file__).parent / "finds"
WAIT_S: Final = 30.0
"""Seconds without a sign of life after which a process is killed: the machine may be busy."""

_MAX_MESSAGE: Final = 5000
_ROOM_BYTES: Final = 4 << 30
"""Address space that a process may add, so that a find does not take the machine's memory."""

Case = dict[str, bytes]
"""Files by their names in a folder."""


@dataclass(frozen=True)
class Fuzzer:
    """A kind of input.

    Attributes:
        name: Its name, of its finds too.
        load: Makes the seeds: whole cases that can be read.
        mutate: Breaks a case in place, given a generator and all seeds.
        read: Reads the case in the first folder, may write into the second, and gives a word for
            what came of it; raises a `TrapgenError` to refuse it, and anything else as a find.
        max_s: Seconds of processor time that a case may take.
        max_bytes: Memory that it may add to the process.
    """

    name: str
    load: Callable[[], list[Case]]
    mutate: Callable[[Case, random.Random, list[Case]], None]
    read: Callable[[Path, Path], str]
    max_s: float = 5.0
    max_bytes: int = 300 << 20


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the word of its reader or the rule that refused it; what is wrong."""

    word: str
    wrong: str = ""
    seconds: float = 0.0
    grown_bytes: int = 0


def make_case(fuzzer: Fuzzer, seeds: list[Case], seed: int, number: int) -> Case:
    """Case `number` of a seed: one of the seeds, broken."""
    rng = random.Random(f"{seed}:{number}")
    case = dict(rng.choice(seeds))
    fuzzer.mutate(case, rng, seeds)
    return case


def write_case(case: Mapping[str, bytes], folder: Path) -> None:
    """Write a case's files."""
    for name, data in case.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read_case(folder: Path) -> Case:
    """The files of a case that was written."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def check_case(fuzzer: Fuzzer, case: Mapping[str, bytes], folder: Path) -> Outcome:
    """Write a case into an empty place in `folder`, read it, and hold it against the limits."""
    place = Path(tempfile.mkdtemp(dir=folder))
    source, out = place / "in", place / "out"
    source.mkdir()
    write_case(case, source)
    word, wrong = "", ""
    resident = _start_peak()
    start = time.process_time()
    try:
        word = fuzzer.read(source, out)
    except TrapgenError as error:
        word, wrong = _name_rule(error), _check_message(error)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        wrong = f"{type(error).__name__}: {str(error)[:300]} at {at.filename}:{at.lineno}"
    seconds = time.process_time() - start
    grown = _read_status("VmHWM") - resident
    if not wrong and seconds > fuzzer.max_s:
        wrong = f"{seconds:.1f} s"
    if not wrong and grown > fuzzer.max_bytes:
        wrong = f"{grown >> 20} MiB"
    shutil.rmtree(place, ignore_errors=True)
    return Outcome(word, wrong, seconds, grown)


def _name_rule(error: TrapgenError) -> str:
    rule = str(getattr(error, "rule", " "))
    return type(error).__name__ if " " in rule else rule


def _check_message(error: TrapgenError) -> str:
    message = str(error)
    if not message or not message.isprintable() or len(message) > _MAX_MESSAGE:
        return f"message: {message[:300]!r}"
    return ""


def _read_status(name: str) -> int:
    """A figure of this process in bytes, from Linux's /proc."""
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(text.split(f"{name}:")[1].split()[0]) << 10


def _start_peak() -> int:
    """Let the peak begin anew; the memory in use now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _read_status("VmRSS")


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


def shrink_case(
    fuzzer: Fuzzer, case: Case, kind: str, folder: Path, beat: Callable[[], None]
) -> Case:
    """Shrink every file of a case that fails in the way that `kind` begins to say."""
    small = dict(case)

    def is_find(name: str, smaller: bytes) -> bool:
        beat()
        return check_case(fuzzer, {**small, name: smaller}, folder).wrong.startswith(kind)

    for name in sorted(case):
        small[name] = shrink(small[name], partial(is_find, name), 20 / len(case))
    return small


def keep(name: str, case: Mapping[str, bytes]) -> Path:
    """Put a find into `FINDS`."""
    digest = blake2b(json.dumps(sorted(case)).encode() + b"".join(case.values()), digest_size=4)
    place = FINDS / f"{name}-{digest.hexdigest()}"
    shutil.rmtree(place, ignore_errors=True)
    write_case(case, place)
    return place


# A child process reads cases and says so line by line; its parent watches.


Report = Callable[..., None]
"""Sends the parent a line with the arguments."""


def _work(
    fuzzer: Fuzzer, seed: int, numbers: Iterator[int], until: float, folder: Path, report: Report
) -> None:
    """In the child: check cases, and say of each when it begins and what came of it."""
    limit = _read_status("VmSize") + _ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    report(beat=True)
    seeds = fuzzer.load()
    for number in numbers:
        if time.time() > until:
            break
        report(number=number)
        case = make_case(fuzzer, seeds, seed, number)
        found = check_case(fuzzer, case, folder)
        if found.wrong:
            kind = found.wrong.partition(":")[0].split(" ")[0]
            if not kind[0].isdigit():  # times and weights do not shrink
                case = shrink_case(fuzzer, case, kind, folder, lambda: report(beat=True))
            report(find=str(keep(fuzzer.name, case)))
        report(done=number, **vars(found))
    report(end=True)


@contextlib.contextmanager
def _start_child(work: Callable[[Report], None]) -> Iterator[int]:
    """Run `work` in a fork; where its lines can be read."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        try:
            work(lambda **line: os.write(writing, json.dumps(line).encode() + b"\n"))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(0)
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _listen(reading: int) -> Iterator[dict[str, Any]]:
    """The child's lines; they end where it does, or where it shows no life."""
    rest = b""
    while select.select([reading], [], [], WAIT_S)[0]:
        data = os.read(reading, 1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)


def run(fuzzer: Fuzzer, seed: int, n_cases: int, seconds: float) -> int:
    """Run a fuzzer; the number of finds."""
    words, finds, slowest, most = Counter[str](), 0, 0.0, 0
    start, until, first, n_done = time.time(), time.time() + seconds, 0, 0
    is_over = False
    with tempfile.TemporaryDirectory() as name:
        while not is_over and first < n_cases:
            folder, current = Path(name), None
            work = partial(_work, fuzzer, seed, iter(range(first, n_cases)), until, folder)
            with _start_child(work) as reading:
                for line in _listen(reading):
                    is_over |= "end" in line
                    current = line.get("number", current)
                    if "find" in line:
                        print(f"  kept as {line['find']}", file=sys.stderr)
                    if "done" in line:
                        n_done, current = n_done + 1, None
                        slowest = max(slowest, line["seconds"])
                        most = max(most, line["grown_bytes"])
                        words[line["word"] if not line["wrong"] else "find"] += 1
                        if line["wrong"]:
                            finds += 1
                            print(f"{fuzzer.name} {line['done']}: {line['wrong']}", file=sys.stderr)
                        first = line["done"] + 1
            if not is_over and current is None:
                raise RuntimeError(f"the fuzzer {fuzzer.name} itself fails")
            if current is not None:
                finds, n_done, first = finds + 1, n_done + 1, current + 1
                words["find"] += 1
                case = make_case(fuzzer, fuzzer.load(), seed, current)
                place = keep(fuzzer.name, case)
                print(f"{fuzzer.name} {current}: crash or wait: {place}", file=sys.stderr)
    counts = ", ".join(f"{count} {word}" for word, count in words.most_common())
    print(
        f"{fuzzer.name}: {n_done} cases in {time.time() - start:.0f} s, seed {seed}, slowest "
        f"{slowest:.2f} s, at most {most >> 20} MiB more; {counts}"
    )
    return finds


def main(fuzzers: Sequence[Fuzzer]) -> int:
    """The command of one fuzzer or of several, which share the time; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long in all")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="at most so many of a kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    until, finds = time.time() + options.seconds, 0
    for at, fuzzer in enumerate(fuzzers):
        share = (until - time.time()) / (len(fuzzers) - at)
        finds += run(fuzzer, options.seed, options.cases, share)
    return 1 if finds else 0

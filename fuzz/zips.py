"""Breaks ZIPs of packs: bytes, fields of their headers, names, sizes that are not so."""

from __future__ import annotations

import io
import random
import struct
import sys
import zipfile
from pathlib import Path

from fuzz.midi import load_files
from fuzz.mutations import TEXTS, break_bytes
from fuzz.runner import Case, Fuzzer, main, read_case
from trapgen.core import PACK, REJECTS, read_table
from trapgen.ingest import import_pack

NAME = "pack.zip"
NAMES = (
    *("kick.mid", "Pack/snare 01.mid", "Pack/Hats/closed.MID", "Pack/readme.txt"),
    *("Pack/._kick.mid", "__MACOSX/Pack/._snare.mid", "Pack/inner.zip", "Pack/", "info.csv"),
    "caf\u00e9.midi",
)
HOSTILE = (
    *TEXTS[1:],
    "../up.mid",
    "C:\\x.mid",
    "CON.mid",
    "a//b.mid",
    "KICK.MID",
    "kick.mid/x.mid",
)
MARKS = {
    b"PK\x01\x02": 46,
    b"PK\x03\x04": 30,
    b"PK\x05\x06": 22,
    b"PK\x06\x06": 56,
    b"PK\x06\x07": 20,
}
"""Signatures, and the size of what follows each before its name."""


def load() -> list[Case]:
    """Packs as zip programs write them."""
    files = load_files()[:40]
    cases = []
    for seed, method in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED)):
        rng, content = random.Random(seed), io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            for name in NAMES[: 4 + 3 * seed]:
                data = b"" if name.endswith("/") else rng.choice(files)
                with archive.open(zipfile.ZipInfo(name), "w", force_zip64=seed == 2) as file:
                    file.write(data)
            archive.writestr("zeros.mid", bytes(100_000))
        cases.append({NAME: content.getvalue()})
    return cases


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """Bytes, fields of headers, names; entries given twice or over each other."""
    data, action = bytearray(case[NAME]), rng.randrange(5)
    if action == 0:
        case[NAME] = break_bytes(data, rng, [seed[NAME] for seed in seeds])
        return
    for _ in range(rng.randint(1, 6)):
        mark = rng.choice(sorted(MARKS))
        places = [at for at in range(len(data)) if data[at : at + 4] == mark]
        if not places:
            continue
        at = rng.choice(places)
        if action == 1 and mark != b"PK\x05\x06":
            data[at:at] = data[at : at + rng.randint(1, 200)] * rng.choice((1, 500))
        elif action == 2 and len(data) > at + MARKS[mark]:
            name = rng.choice(HOSTILE).encode("utf-8", "surrogatepass")[:60]
            start = at + MARKS[mark]
            data[start : start + len(name)] = name
        else:
            field = at + rng.randrange(4, MARKS[mark] - 1)
            size = rng.choice((1, 2, 4))
            value = rng.choice((0, 1, 0x7F, 0xFF, 0xFFFF, 0xFFFFFFFF, rng.randrange(1 << 16)))
            data[field : field + size] = struct.pack("<I", value)[:size]
    case[NAME] = bytes(data[: 1 << 20])


def read(source: Path, out: Path) -> str:
    """Import the ZIP; what is written has to be what the pack's tables say, and in its folder.

    Raises:
        AssertionError: It is not.
    """
    done = import_pack(source / NAME, out)
    written = read_case(out)
    pack = read_table(out / "pack.csv", PACK)
    if len(read_table(out / "rejects.csv", REJECTS)) != len(done.rejects):
        raise AssertionError("another number of rejects")
    own = {"pack.csv", "rejects.csv", "ATTRIBUTION.md"}
    if set(pack["path"]) != set(written) - own:
        raise AssertionError(f"{sorted(written)} written, {list(pack['path'])} in the table")
    if {path.name for path in out.parent.iterdir()} != {"in", "out"}:
        raise AssertionError("written beside the pack")
    return "read" if len(pack) else "nothing"


FUZZER = Fuzzer("zips", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

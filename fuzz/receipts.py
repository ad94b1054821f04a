"""Breaks receipts: what is accepted has to be true."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from fuzz.models import GRID, make_model
from fuzz.mutations import break_bytes, break_json
from fuzz.runner import Case, Fuzzer, main
from trapgen.core import SampleParams, to_loop
from trapgen.generate import Generator, generate_in_memory, load_generator, regenerate
from trapgen.midi import to_bytes

NAME = "loop.json"
FREE = frozenset({"loop", "code", "software"})
"""Keys that a loop does not prove; the digest holds them."""


@cache
def load_small() -> Generator:
    """The small model, in memory."""
    with tempfile.TemporaryDirectory() as folder:
        return load_generator(make_model(Path(folder)))


def load() -> list[Case]:
    """Receipts of a plain loop, and of one with a primer, a theme and a locked voice."""
    words = np.random.default_rng(3).integers(0, 512, GRID) | 0b100000000
    mine = to_bytes(to_loop(words, GRID))
    name = "full_mine.mid"
    steered = SampleParams(
        1, 1, primer=name, vary=name, lock=("kick",), lock_from=name, swing=0.3, choke=True
    )
    receipts = [
        receipt
        for seed, params in enumerate((SampleParams(1, 1), steered))
        for _, receipt in generate_in_memory(load_small(), params, seed, {name: mine})
    ]
    return [{NAME: json.dumps(receipt).encode()} for receipt in receipts]


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """Wrong values, figures changed by a little, no digest, or broken bytes."""
    action = rng.randrange(6)
    if action == 0:
        case[NAME] = break_bytes(case[NAME], rng, [seed[NAME] for seed in seeds])
        return
    if action < 4:
        stated = json.loads(case[NAME])
        if rng.random() < 0.5:
            del stated["digest"]
        if rng.random() < 0.1:
            case[NAME] = json.dumps(stated, indent=rng.choice((0, 9))).encode()
            return
        key = rng.choice(sorted(stated))
        case[NAME] = json.dumps({**stated, key: json.loads(break_one(stated[key], rng))}).encode()
        return
    case[NAME] = break_json(case[NAME], rng)


def break_one(value: object, rng: random.Random) -> bytes:
    """One value of a receipt broken, as JSON that Python reads."""
    for _ in range(20):
        data = break_json(json.dumps([value]).encode(), rng)
        try:
            found = json.loads(data)
            json.dumps(found).encode()
            return json.dumps(found[0] if isinstance(found, list) and found else found).encode()
        except (ValueError, RecursionError):
            continue
    return b"null"


def read(source: Path, out: Path) -> str:
    """Make the loop again; a receipt that is accepted states what the loop gives.

    Raises:
        AssertionError: A forged figure is accepted.
    """
    made = regenerate(load_small(), source / NAME, out)
    stated = json.loads((source / NAME).read_bytes())
    wrong = [key for key in made if key not in FREE and stated.get(key, made[key]) != made[key]]
    if wrong:
        raise AssertionError(f"forged and accepted: {wrong}")
    return "read"


FUZZER = Fuzzer("receipts", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

"""Ways to break bytes and plain values, whatever they mean; each format adds its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

Mutation = Callable[[bytearray, random.Random, list[bytes]], None]
"""Takes the file, a generator and the other files, and breaks the file in place."""


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
    if other:
        start, at = rng.randrange(len(other)), rng.randrange(len(data))
        data[at : at + rng.choice((0, 30))] = other[start : start + rng.randint(1, 400)]


def repeat(data: bytearray, rng: random.Random, _: list[bytes]) -> None:
    """A piece over and over."""
    at = rng.randrange(len(data))
    piece = data[at : at + rng.randint(1, 200)]
    data[at:at] = piece * rng.choice((1, 10, 1000))


PLAIN: Final[tuple[Mutation, ...]] = (flip, cut, delete, splice, repeat)
"""What happens to any file."""


def break_bytes(
    data: bytes,
    rng: random.Random,
    others: list[bytes],
    mutations: Sequence[Mutation] = PLAIN,
    max_bytes: int = 1 << 20,
) -> bytes:
    """A file after one to four mutations."""
    broken = bytearray(data)
    for mutation in rng.choices(mutations, k=rng.randint(1, 4)):
        if len(broken) > 20:
            mutation(broken, rng, others)
    return bytes(broken[:max_bytes])


TEXTS: Final = (
    *("", "x", "../../up", "/etc/passwd", "=cmd|' /C calc'!A0", "\x1b[31mred", "two\nlines", "\0"),
    *("\u202egnp.exe", "<script>alert(1)</script>", "NaN", "nan", "1", "x" * 100_000, "\ud800"),
    *("0b000000001 BAR", "2024-13-45", "{{7*7}}", "%s%n", "ü" * 300),
)
NUMBERS: Final = (
    *(0, 1, -1, 2, 17, 127, 128, 255, 256, 2**31 - 1, 2**31, 2**63, 10**30, 10**4000, -(10**30)),
    *(0.5, -0.5, 1e-300, 1e308, float("inf"), float("-inf"), float("nan")),
)


def any_value(rng: random.Random, depth: int = 0) -> Any:
    """A value of JSON that is likely to be wrong."""
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind < 2:
        return rng.choice(NUMBERS)
    if kind < 4:
        return rng.choice(TEXTS)
    if kind == 4:
        return rng.choice((None, True, False, [], {}))
    if kind == 5:
        return [any_value(rng, depth + 1)] * rng.choice((1, 3, 1000))
    if kind == 6:
        return {rng.choice(TEXTS)[:50]: any_value(rng, depth + 1)}
    nested: Any = []
    for _ in range(rng.choice((5, 500, 5000))):
        nested = [nested]
    return nested


def break_value(value: Any, rng: random.Random) -> Any:
    """A value in which something, at any depth, is another, missing, new or somewhere else."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        changed = dict(value)
        action = rng.randrange(8)
        if action == 0:
            del changed[key]
        elif action == 1:
            changed[rng.choice(TEXTS)[:50]] = any_value(rng)
        elif action == 2:
            changed[key] = value[rng.choice(sorted(value))]
        else:
            changed[key] = break_value(value[key], rng)
        return changed
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        if rng.random() < 0.3:
            return value[:at] + value[at + 1 :] * rng.choice((0, 1, 2))
        return [*value[:at], break_value(value[at], rng), *value[at + 1 :]]
    if type(value) in (int, float) and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 0.25, 1e-9))
    return any_value(rng)


def break_json(data: bytes, rng: random.Random) -> bytes:
    """JSON with one to three wrong values, as text that may be no JSON any more."""
    value = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        value = break_value(value, rng)
    return dump(value).encode("utf-8", "surrogatepass")


def dump(value: Any) -> str:
    """JSON of anything, however deep and however long its numbers are."""
    opened = 0
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value, opened = value[0], opened + 1
    if isinstance(value, dict):
        parts = (f"{json.dumps(str(key))}: {dump(each)}" for key, each in value.items())
        text = "{" + ", ".join(parts) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(dump, value)) + "]"
    elif type(value) is int and abs(value) > 10**1000:
        text = "9" * 5000
    else:
        text = json.dumps(value, ensure_ascii=False)
    return "[" * opened + text + "]" * opened

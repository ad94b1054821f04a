"""Breaks `params.yaml`: its bytes, its lines, its values."""

from __future__ import annotations

import random
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from fuzz.mutations import TEXTS, break_bytes, break_json, dump
from fuzz.runner import Case, Fuzzer, main
from trapgen.core import SECTIONS, Params, format_params, list_definitions, load_params

NAME = "params.yaml"
TOKENS = (
    *("9" * 5000, "0x" + "f" * 4000, "1:" * 2000 + "1", ".inf", "-.inf", ".nan", "1e999", "1e-999"),
    *("~", "null", "yes", "!!int ''", "!!float x", "!!timestamp x", "!!binary é", "!!set {a, b}"),
    *("!!python/object/apply:os.system [id]", "2024-13-45", "12e03", "0o17", "- - - - x", "? [a]"),
    *("&a [*a]", "*a", "<<: {seed: 1}", "|\n  text", ">-\n", "[" * 3000, "{a: " * 500, "a: " * 500),
    *(
        "\t",
        "\x00",
        "\ufeff",
        "...",
        "---",
        "%YAML 9.9",
        "[" + "x, " * 9000 + "]",
        "'" + "x" * 60000,
    ),
)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n" for name, after in pairwise("abcdefgh")
)


def load() -> list[Case]:
    """The file with all parameters, and a short one."""
    short = "seed: 3\nsample: {loops: 2, require: [snare@3], rolls: 0.5}\n"
    return [{NAME: format_params(Params()).encode()}, {NAME: short.encode()}]


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """Bytes, lines or single values become others."""
    text = case[NAME].decode()
    action = rng.randrange(5)
    if action == 0:
        case[NAME] = break_bytes(case[NAME], rng, [seed[NAME] for seed in seeds])
        return
    if action == 1:
        case[NAME] = rng.choice((BOMB, BOMB + text, text.replace("seed:", "seed: &s"))).encode()
        return
    if action == 2:
        values = {name: {key: found.default for key, found in list_definitions(name).items()}
                  for name in SECTIONS}  # fmt: skip
        case[NAME] = break_json(dump(_listed({"seed": 0, **values})).encode(), rng)
        return
    lines = text.splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        key = lines[at].partition(":")[0]
        token = rng.choice((*TOKENS, *TEXTS))
        lines[at] = rng.choice((f"{key}: {token}", token, f"{key}:\n    {key}: {token}", key))
    case[NAME] = "\n".join(lines).encode("utf-8", "surrogatepass")


def _listed(value: object) -> object:
    """Plain JSON: tuples are lists."""
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def read(source: Path, _: Path) -> str:
    """Load the parameters; what was loaded has to come back from its own text."""
    found = load_params(source / NAME)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_text(format_params(found), encoding="utf-8")
        if load_params(path) != found:
            raise AssertionError("the parameters do not come back")
    return "read"


FUZZER = Fuzzer("params", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

"""Breaks models' folders: descriptions, weights, the training index."""

from __future__ import annotations

import json
import random
import struct
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from fuzz.mutations import break_bytes, break_json
from fuzz.runner import Case, Fuzzer, main, read_case
from fuzz.tables import break_table
from trapgen.core import SampleParams, relabel, to_loop
from trapgen.generate import generate_in_memory, load_generator
from trapgen.model import (
    Humanizer,
    HumanizerSpec,
    ModelSpec,
    Network,
    humanizer_shapes,
    name_version,
    save_humanizer,
    save_network,
    weight_shapes,
)
from trapgen.similarity import measure_novelty, save_training_index

GRID = 16
CONDITIONS = ("style:trap", "kind:beat")


def make_model(folder: Path, seed: int = 0) -> Path:
    """Write a small model with random weights, and 12 random loops as what it has learned."""
    rng = np.random.default_rng(seed)
    spec = ModelSpec(1, 4, 0.0, 1, GRID, 1, 1, 2, CONDITIONS)
    playing = HumanizerSpec(4, GRID, offsets=True, conditions=CONDITIONS)

    def draw(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        return {
            name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()
        }

    save_network(folder, Network(spec, draw(weight_shapes(spec))))
    save_humanizer(folder, Humanizer(playing, draw(humanizer_shapes(playing)), {"bits": 1.5}))
    loops = [to_loop(rng.integers(0, 512, GRID) & 480, GRID) for _ in range(16)]
    loops = [relabel(loop, loop_id=f"take-{at}") for at, loop in enumerate(loops)]
    save_training_index(folder, loops[:12], measure_novelty(loops[12:], loops[:12]))
    return folder


@cache
def load_model_files() -> Case:
    """The files of a whole model."""
    with tempfile.TemporaryDirectory() as folder:
        return read_case(make_model(Path(folder)))


def load() -> list[Case]:
    """One model."""
    return [load_model_files()]


def mutate(case: Case, rng: random.Random, seeds: list[Case]) -> None:
    """One or two files are broken, missing, or in each other's place."""
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(sorted(case))
        action = rng.randrange(8)
        if action == 0:
            case[name] = seeds[0][rng.choice(sorted(seeds[0]))]
        elif action == 1 and len(case) > 1:
            del case[name]
        elif action == 2:
            case[name] = break_bytes(case[name], rng, list(seeds[0].values()))
        elif name.endswith(".json"):
            case[name] = break_json(seeds[0][name], rng)
        elif name.endswith(".parquet"):
            case[name] = break_table(seeds[0][name], rng)
        else:
            case[name] = _break_header(seeds[0][name], rng)


def _break_header(data: bytes, rng: random.Random) -> bytes:
    """Weights whose header, JSON after eight bytes of length, says something else."""
    (length,) = struct.unpack_from("<Q", data)
    if rng.random() < 0.3:
        values = np.frombuffer(data[8 + length :], "<f4").copy()
        values[rng.randrange(len(values))] = rng.choice((np.nan, np.inf, -1e38, 1e38, 0.0))
        return data[: 8 + length] + values.tobytes()
    header = break_json(data[8 : 8 + length], rng)
    stated = rng.choice((len(header), len(header), len(header), 0, 2**63))
    return struct.pack("<Q", stated) + header + data[8 + length :]


def read(source: Path, _: Path) -> str:
    """Load the model, name its version, and draw a loop from it."""
    generator = load_generator(source)
    json.dumps(name_version(source))
    ((loop, _),) = generate_in_memory(generator, SampleParams(loops=1, bars=1), 0)
    return "read" if loop.n_bars == 1 else "another length"


FUZZER = Fuzzer("models", load, mutate, read)

if __name__ == "__main__":
    sys.exit(main([FUZZER]))

"""Sampling speed, compared with the original's recipe, all in one run.

`python -m bench.sample` prints two tables in about a minute: tokens per second, for single loops
and in a batch, with the share of the machine's matrix speed; and the seconds that `trapgen
generate` takes for 64 loops of eight bars, from its start to the last file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.matrix import Cost, count_sampled, measure, measure_numpy
from experiments.recipe import Recipe, build
from trapgen.core import N_TARGETS, Codec, SampleParams, TrainParams
from trapgen.generate import sample_words
from trapgen.model import ModelSpec, Network, Tokens, weight_shapes

ROOT = Path(__file__).resolve().parents[1]
THEIR_TOKENS = 8
LOOPS, BARS = 64, 8
ORIGINAL = Recipe()


def make_network(spec: ModelSpec) -> Network:
    """A network of random weights, as fast as a trained one."""
    rng = np.random.default_rng(0)
    return Network(
        spec,
        {
            name: rng.normal(0, 0.04, shape).astype(np.float32)
            for name, shape in weight_shapes(spec).items()
        },
    )


def sample_as_the_original(model: Any, window: Tokens, n_words: int) -> Tokens:
    """Continue from a window, one word at a time, as in TrapGenerator's script."""
    rng = np.random.default_rng(0)
    for _ in range(n_words):
        scores = model.predict(window[None, -ORIGINAL.window :], verbose=0)[0].astype(np.float64)
        chances = np.exp(scores - scores.max())
        window = np.append(window, rng.choice(N_TARGETS, p=chances / chances.sum()))
    return window[-n_words:]


def compare_rates(console: Console, n_loops: int, rounds: int) -> None:
    """The table of tokens per second."""
    model = build(ORIGINAL.layers, ORIGINAL.units, N_TARGETS)
    window = np.zeros(ORIGINAL.window, np.int64)
    works: dict[str, tuple[int, int, Callable[[], Any]]] = {
        f"the original's recipe, {ORIGINAL.layers} x LSTM {ORIGINAL.units}": (
            THEIR_TOKENS,
            0,
            lambda: sample_as_the_original(model, window, THEIR_TOKENS),
        )
    }
    spec = ModelSpec.of(TrainParams(), Codec(32))
    network = make_network(spec)
    for loops, bars in ((1, 4), (n_loops, 2)):
        params = SampleParams(loops=loops, bars=bars, top_p=1.0)
        how = f"{loops} loops at once" if loops > 1 else "a loop alone"
        works[f"the default network, {how}"] = (
            loops * bars * spec.codec.bar_length,
            count_sampled(weight_shapes(spec)),
            partial(sample_words, network, params, 0),
        )
    speed, costs = measure_numpy(), dict.fromkeys(works, Cost())
    for turn in range(rounds + 1):
        for name, (_, _, work) in works.items():
            cost = measure(work)
            if turn:
                costs[name] = costs[name].least(cost)
    speed = speed.least(measure_numpy())
    table = Table("", "tokens per second", "ratio", "of sgemm", title="Sampling")
    for name in ("tokens per core second", "ratio", "of sgemm"):
        table.add_column(name)
    first: list[float] = []
    for name, (n_tokens, n_operations, _) in works.items():
        cells: list[str] = []
        for clock in ("clock_s", "cores_s"):
            rate = n_tokens / getattr(costs[name], clock)
            first.append(rate)
            share = rate * n_operations * getattr(speed, clock)
            cells += [f"{rate:,.1f}", f"{rate / first[len(cells) // 3]:,.0f}"]
            cells.append(f"{share:.0%}" if n_operations else "")
        table.add_row(name, *cells)
    console.print(table)
    console.print(
        f"sgemm: {1e-9 / speed.clock_s:,.0f} GFLOP/s, {1e-9 / speed.cores_s:,.0f} a core, numpy's "
        "best of several sizes on all cores. Ours is all of `sample_words`: inputs, network, token "
        f"sampling, bar structure; the best of {rounds} alternating runs. The original's reads its "
        f"window of {ORIGINAL.window} again for every token. Core seconds are those that the "
        "process itself was given: on a machine that others use, they compare "
        "better.\n"
    )


def time_command(console: Console, model: Path | None) -> None:
    """The table of `trapgen generate`, from start to files."""
    command = [sys.executable, "-m", "trapgen.cli", "generate"]
    command += ["--loops", f"{LOOPS}", "--bars", f"{BARS}"]
    if model is not None:
        command += ["--model", str(model)]
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        subprocess.run([*command, "--out", out], check=True, capture_output=True, cwd=ROOT)
        seconds = time.perf_counter() - start
        n_files = len(list(Path(out).iterdir()))
    table = Table("loops", "bars", "files", "seconds", title="trapgen generate, start to files")
    table.add_row(f"{LOOPS}", f"{BARS}", f"{n_files}", f"{seconds:.1f}")
    console.print(table)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model's folder; default: the command's own")
    parser.add_argument("--loops", type=int, default=256, help="in the batch")
    parser.add_argument("--rounds", type=int, default=3, help="times of each")
    parser.add_argument("--only-rates", action="store_true", help="leave the command out")
    options = parser.parse_args()
    console = Console()
    compare_rates(console, options.loops, options.rounds)
    if not options.only_rates:
        time_command(console, options.model)


if __name__ == "__main__":
    main()

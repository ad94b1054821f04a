"""The functions of the two stages in `stages.yaml`: `python -m experiments.stage overlap|learn`."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from experiments.plan import RECIPE_FILE
from experiments.recipe import Recipe
from experiments.study import describe_words, measure_overlap, study
from tasks.places import AUGMENTED, STANDARDIZED, read_params
from trapgen.core import read_loops, to_words, write_json, write_text
from trapgen.ingest import load_standardized

RESULTS: Final = Path("data/reproduction")


def overlap(root: Path) -> None:
    """Read `data/standardized` and `data/augmented`, write `overlap.json`."""
    sided, sources = read_loops(root / AUGMENTED), load_standardized(root / STANDARDIZED)
    found = measure_overlap(sided, sources, read_params(root))
    write_json(root / RESULTS / "overlap.json", found)
    print(f"overlap: gate {found['gate']}; {found['exact_bar_overlap']:.1%} of held-out bars")


def learn(root: Path) -> None:
    """Read `data/augmented`, write `curve.csv` and, for the last epoch, `metrics.json`."""
    params, sided = read_params(root), read_loops(root / AUGMENTED)
    recipe = Recipe(**yaml.safe_load((root / RECIPE_FILE).read_text(encoding="utf-8")))
    rows = []
    for row in study(sided, params, recipe):
        rows.append(row)
        print("learn:", ", ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    text = np.concatenate([to_words(loop) for side, loop in sided if side == "train"])
    held_against = describe_words(text, params.grid.steps_per_bar)
    write_json(root / RESULTS / "metrics.json", {**rows[-1], "text": held_against})
    write_curve(root / RESULTS / "curve.csv", rows)


def write_curve(path: Path, rows: Sequence[dict[str, float]]) -> None:
    """One row per epoch; a value that was not measured is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def read_curve(path: Path) -> list[dict[str, float]]:
    """Read the output of `write_curve`, without empty cells."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    {"overlap": overlap, "learn": learn}[sys.argv[1]](Path.cwd())

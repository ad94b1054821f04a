"""An evaluation's curves as tables, which `dvc plots` draws and compares between runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from trapgen.core import write_text

RELIABILITY: Final = ("word", "kick", "snare", "closed_hat", "open_hat")
"""What the calibration of is drawn: the word, and the voices that sound often."""

_N_BINS: Final = 24


def write_curves(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write `overlap.csv`, `distances.csv` and `reliability_….csv`.

    Args:
        folder: Where to; it is made.
        metrics: What `trapgen.evaluate.evaluate` found out.
    """
    covers = [{"feature": name, **cover} for name, cover in metrics["overlap"].items()]
    _write(folder / "overlap.csv", sorted(covers, key=lambda row: row["ratio"]))
    _write(folder / "distances.csv", _histogram(metrics["curves"]["distances"]))
    for name in RELIABILITY:
        rows = [
            {"predicted": row["predicted"], name: row["observed"], "n": row["n"]}
            for row in metrics["curves"]["reliability"]
            if row["of"] == name
        ]
        _write(folder / f"reliability_{name}.csv", rows)


def _histogram(distances: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The share of loops of each kind in each bin of distances, by the bin's middle."""
    edges = np.linspace(0, 1, _N_BINS + 1)
    shares = {}
    for of in ("generated", "held_out"):
        values = [row["distance"] for row in distances if row["of"] == of]
        shares[of] = np.histogram(values, edges)[0] / len(values)
    return [
        {"distance": (edges[at] + edges[at + 1]) / 2, **{of: x[at] for of, x in shares.items()}}
        for at in range(_N_BINS)
    ]


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{x:.6f}" if isinstance(x, float) else x for key, x in row.items()})
    write_text(path, text.getvalue())

"""The learning curve, and `history.csv`, which holds it."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TableError, write_text
from trapgen.model.training.validation_distance import DISTANCES, part_by_distance


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training windows; losses in bits per step, without BAR and padding.

    Attributes:
        epoch: Counted from 1.
        train: Training loss, with dropout.
        validation: Loss on clean validation: loops without a source in common with train.
        control_loss: Loss on the control that leaks on purpose (see
            `trapgen.model.training.training_windows.hold_out`).
        validation_near: Loss on the third of the validation loops nearest to training loops (see
            `trapgen.model.training.validation_distance`); None without any.
        validation_middle: Loss on the middle third.
        validation_far: Loss on the farthest third.
        seconds: Duration; 0 in a history read from its table, which omits it.
    """

    epoch: int
    train: float
    validation: float
    control_loss: float
    validation_near: float | None = None
    validation_middle: float | None = None
    validation_far: float | None = None
    seconds: float = 0.0

    @property
    def leak_gap(self) -> float:
        """Clean validation loss minus control loss, in bits per step."""
        return self.validation - self.control_loss

    @property
    def by_distance(self) -> dict[str, float]:
        """Loss of `near`, `middle` and `far` validation loops, where present."""
        losses = {name: getattr(self, f"validation_{name}") for name in DISTANCES}
        return {name: loss for name, loss in losses.items() if loss is not None}

    @property
    def losses(self) -> dict[str, float]:
        """Every known loss by its column's name, and `leak_gap`."""
        found = {name: getattr(self, name) for name in _COLUMNS[1:]}
        return {name: loss for name, loss in found.items() if loss is not None}


_COLUMNS: Final = (
    *(column.name for column in dataclasses.fields(Epoch) if column.name != "seconds"),
    "leak_gap",
)
"""Columns of the table; without seconds, so that the same training gives the same table."""

_OPTIONAL: Final = tuple(f"validation_{name}" for name in DISTANCES)


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the lowest loss on clean validation; the first in a tie."""
    return min(history, key=lambda epoch: epoch.validation)


def describe_learning(history: Sequence[Epoch], distances: NDArray[np.float64]) -> dict[str, Any]:
    """Content of `learning` in `details.json`: figures of the epoch that was kept.

    Args:
        history: Every epoch.
        distances: `(n_loops,)` of the validation loops, from `measure_distances`.

    Returns:
        `best_epoch`; `train`, `validation` and `control_loss` in bits per step; `leak_gap`,
        validation minus control loss, and `first_leak_gap`, that of the first epoch, before the
        network can memorize anything; and `by_distance`, for the `near`, `middle` and `far`
        validation loops their number (`n_loops`), mean `distance` to the nearest training loop and
        `bits_per_step`.
    """
    best = best_epoch(history)
    parts = part_by_distance(distances)
    return {
        "best_epoch": best.epoch,
        "train": best.train,
        "validation": best.validation,
        "control_loss": best.control_loss,
        "leak_gap": best.leak_gap,
        "first_leak_gap": history[0].leak_gap,
        "by_distance": {
            name: {
                "n_loops": len(parts[name]),
                "distance": float(distances[parts[name]].mean()),
                "bits_per_step": loss,
            }
            for name, loss in best.by_distance.items()
        },
    }


def write_history(path: Path, history: Sequence[Epoch]) -> None:
    """Write the table, one row per epoch, losses to six digits; a missing loss is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for epoch in history:
        losses = epoch.losses
        cells = (f"{losses[name]:.6f}" if name in losses else "" for name in _COLUMNS[1:])
        writer.writerow([epoch.epoch, *cells])
    write_text(path, text.getvalue())


def read_history(path: Path) -> tuple[Epoch, ...]:
    """Read the table.

    Raises:
        TableError: The table is missing or empty, or its columns or values differ from those that
            `write_history` writes.
    """
    hint = "Train the model again."
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(path, "unreadable", error, hint) from error
    if columns != _COLUMNS:
        raise TableError(path, "columns", columns, f"They must be {list(_COLUMNS)}.")
    try:
        history = tuple(_parse(row) for row in rows)
    except (TypeError, ValueError) as error:
        raise TableError(path, "value", error, hint) from error
    if not history:
        raise TableError(path, "empty", "no epoch", hint)
    return history


def _parse(row: dict[str, Any]) -> Epoch:
    losses: dict[str, Any] = {
        name: None if name in _OPTIONAL and row[name] == "" else float(row[name])
        for name in _COLUMNS[1:-1]
    }
    return Epoch(int(row["epoch"]), **losses)

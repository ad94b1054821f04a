"""Training checkpoints: everything needed to resume exactly where training stopped."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import TableError, TrainParams, read_arrays, read_json, write_arrays, write_json
from trapgen.model.training.history import Epoch, best_epoch
from trapgen.model.training.steps import Learner
from trapgen.model.words.network import Network
from trapgen.model.words.spec import Array, ModelSpec, Tokens

_STATE: Final = "state.json"

Progress = tuple[tuple[Epoch, ...], int, NDArray[np.float64]]
"""Finished epochs; number of batches of the current epoch; and `(2,)` sum of `Learner.learn`'s
results for them."""


def fingerprint(
    train: Sequence[Tokens],
    validation: Sequence[Tokens],
    spec: ModelSpec,
    params: TrainParams,
    seed: int,
    start: Network | None = None,
    conditions: Sequence[Tokens | None] = (),
) -> str:
    """Hash of the data, parameters and initial weights that a checkpoint belongs to."""
    digest = hashlib.blake2b(digest_size=16)
    # The save interval does not affect the result.
    settings = {
        name: value for name, value in asdict(params).items() if name != "checkpoint_minutes"
    }
    digest.update(json.dumps([asdict(spec), settings, seed]).encode())
    for side in (train, validation):
        digest.update(f"{len(side)}".encode())
        for words in side:
            digest.update(words.astype("<u2").tobytes() + b"|")
    for known in conditions:
        digest.update(b"" if known is None else known.astype("<u2").tobytes() + b"|")
    for name, weight in start.weights.items() if start else ():
        digest.update(name.encode() + weight.tobytes())
    return digest.hexdigest()


def clear_checkpoint(folder: Path) -> None:
    """Delete the state in a folder, once the model is saved elsewhere."""
    if folder.is_dir():
        for path in [*folder.glob("*.safetensors"), folder / _STATE]:
            path.unlink(missing_ok=True)


class Checkpoint:
    """Training state on disk: model, weight average, optimizer, dropout seeds, history."""

    def __init__(self, folder: Path | None, learner: Learner, name: str, minutes: float) -> None:
        self._folder, self._name, self._minutes = folder, name, minutes
        model, mean, optimizer = learner.model, learner.mean.values, learner.optimizer
        # A dropout of 0 has no random generator.
        drawing = (getattr(layer, "seed_generator", None) for layer in model.layers)
        seeds = [generator.state for generator in drawing if generator is not None]
        self._variables = [*model.variables, *mean, *optimizer.variables, *seeds]
        self._model, self._mean = model, mean
        self._best: list[Array] = []
        self._saved_at = time.monotonic()

    def load(self) -> Progress:
        """Load the folder's state, if it belongs to this training run.

        A state that is incomplete or damaged, as a power cut leaves it, is not used: the training
        starts again, and says so.
        """
        nothing: Progress = ((), 0, np.zeros(2))
        if self._folder is None or not (self._folder / _STATE).is_file():
            return nothing
        try:
            state = read_json(self._folder / _STATE)
            if state["fingerprint"] != self._name:
                return nothing
            values, best = (
                list(read_arrays(self._folder / state[name]).values()) if state[name] else []
                for name in ("variables", "best")
            )
            history = tuple(Epoch(**epoch) for epoch in state["history"])
            batches, total = int(state["batches"]), np.array(state["total"], np.float64)
            self._check_shapes(values, best if history else None, total)
        except (TableError, KeyError, TypeError, ValueError) as error:
            place = self._folder
            print(f"note: {place} is damaged ({error}); the training starts again", file=sys.stderr)
            return nothing
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        self._best = best
        return history, batches, total

    def _check_shapes(
        self, values: Sequence[Array], best: Sequence[Array] | None, total: NDArray[np.float64]
    ) -> None:
        """Check that the arrays are those of this network, before any of them is used.

        Raises:
            ValueError: They are not.
        """
        wanted = [tuple(variable.shape) for variable in self._variables]
        wanted_best = [tuple(variable.shape) for variable in self._mean]
        found = [value.shape for value in values]
        # There is none before the first epoch has ended.
        found_best = wanted_best if best is None else [value.shape for value in best]
        if (found, found_best, total.shape) != (wanted, wanted_best, (2,)):
            raise ValueError("arrays of other shapes")

    def save(self, history: Sequence[Epoch], *, is_best: bool) -> None:
        """Save after an epoch."""
        if is_best:
            self._best = [np.asarray(variable) for variable in self._mean]
        self._save(history, 0, np.zeros(2), is_best=is_best)

    def save_within(
        self, history: Sequence[Epoch], n_batches: int, total: NDArray[np.float64]
    ) -> None:
        """Save within an epoch, if enough time has passed (see `Progress`)."""
        if time.monotonic() - self._saved_at >= 60 * self._minutes:
            self._save(history, n_batches, total, is_best=False)

    def _save(
        self, history: Sequence[Epoch], n_batches: int, total: NDArray[np.float64], *, is_best: bool
    ) -> None:
        """Write all arrays, then the small file that marks them complete."""
        if self._folder is None:
            return
        names = {
            "variables": f"variables-{len(history)}-{n_batches}.safetensors",
            "best": f"best-{best_epoch(history).epoch}.safetensors" if history else "",
        }
        self._write(names["variables"], [np.asarray(variable) for variable in self._variables])
        if is_best:
            self._write(names["best"], self._best)
        state = {
            "fingerprint": self._name,
            **names,
            "batches": n_batches,
            "total": total.tolist(),
            "history": [asdict(epoch) for epoch in history],
        }
        write_json(self._folder / _STATE, state)
        for path in self._folder.glob("*.safetensors"):
            if path.name not in names.values():
                path.unlink()
        self._saved_at = time.monotonic()

    def restore_best(self) -> None:
        """Restore the model's weights of the best epoch."""
        for variable, value in zip(self._model.trainable_variables, self._best, strict=True):
            variable.assign(value)

    def _write(self, name: str, values: Sequence[Array]) -> None:
        assert self._folder is not None
        write_arrays(self._folder / name, {f"v{at:04d}": value for at, value in enumerate(values)})

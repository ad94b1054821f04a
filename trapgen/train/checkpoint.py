"""A training on disk: what it takes to go on exactly where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from trapgen.errors import TableError
from trapgen.model import Array, ModelSpec, Network, Tokens
from trapgen.params import TrainParams
from trapgen.store import read_arrays, read_json, write_arrays, write_json
from trapgen.train.history import Epoch, best_epoch


def fingerprint(
    train: Sequence[Tokens],
    validation: Sequence[Tokens],
    spec: ModelSpec,
    params: TrainParams,
    seed: int,
    start: Network | None = None,
    conditions: Sequence[Tokens | None] = (),
) -> str:
    """Names the data, the parameters and the first weights that a checkpoint belongs to."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([asdict(spec), asdict(params), seed]).encode())
    for side in (train, validation):
        digest.update(f"{len(side)}".encode())
        for words in side:
            digest.update(words.astype("<u2").tobytes() + b"|")
    for known in conditions:
        digest.update(b"" if known is None else known.astype("<u2").tobytes() + b"|")
    for name, weight in start.weights.items() if start else ():
        digest.update(name.encode() + weight.tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The state of a training on disk: model, its mean, optimizer, dropout's seeds, history."""

    def __init__(
        self, folder: Path | None, model: Any, mean: Sequence[Any], optimizer: Any, name: str
    ) -> None:
        self._folder, self._name = folder, name
        # A dropout of 0 draws nothing, and has no generator.
        drawing = (getattr(layer, "seed_generator", None) for layer in model.layers)
        seeds = [generator.state for generator in drawing if generator is not None]
        self._variables = [*model.variables, *mean, *optimizer.variables, *seeds]
        self._model, self._mean = model, mean
        self._best: list[Array] = []

    def load(self) -> tuple[Epoch, ...]:
        """Take up what lies in the folder, if it belongs to this training."""
        if self._folder is None or not (self._folder / "state.json").is_file():
            return ()
        state = read_json(self._folder / "state.json")
        if state["fingerprint"] != self._name:
            return ()
        try:
            values, best = (
                list(read_arrays(self._folder / state[name]).values())
                for name in ("variables", "best")
            )
        except (TableError, KeyError):
            return ()  # half a checkpoint is none
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        self._best = best
        return tuple(Epoch(**epoch) for epoch in state["history"])

    def save(self, history: Sequence[Epoch], *, is_best: bool) -> None:
        """Write everything, and then the small file that says it is there."""
        if is_best:
            self._best = [np.asarray(variable) for variable in self._mean]
        if self._folder is None:
            return
        at = len(history)
        names = {
            "variables": f"variables-{at}.npz",
            "best": f"best-{best_epoch(history).epoch}.npz",
        }
        self._write(names["variables"], [np.asarray(variable) for variable in self._variables])
        if is_best:
            self._write(names["best"], self._best)
        epochs = [asdict(epoch) for epoch in history]
        state = {"fingerprint": self._name, **names, "history": epochs}
        write_json(self._folder / "state.json", state)
        for path in self._folder.glob("*.npz"):
            if path.name not in names.values():
                path.unlink()

    def restore_best(self) -> None:
        """Put the weights of the best epoch back into the model."""
        for variable, value in zip(self._model.trainable_variables, self._best, strict=True):
            variable.assign(value)

    def clear(self) -> None:
        """Remove what was saved."""
        if self._folder is not None and self._folder.is_dir():
            for path in [*self._folder.glob("*.npz"), self._folder / "state.json"]:
                path.unlink(missing_ok=True)

    def _write(self, name: str, values: Sequence[Array]) -> None:
        assert self._folder is not None
        write_arrays(self._folder / name, {f"v{at}": value for at, value in enumerate(values)})

"""A humanizer's files in a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from trapgen.core import ModelError, TableError, read_json, write_arrays, write_json
from trapgen.model.humanizer.network import Humanizer
from trapgen.model.humanizer.spec import HumanizerSpec, weight_shapes
from trapgen.model.layers import read_weights

HUMANIZER_FILES: Final = ("humanizer.json", "humanizer.safetensors")
_KEYS: Final = {"spec", "figures"}
_AGAIN: Final = "Train the model again."


def save_humanizer(folder: Path, humanizer: Humanizer, *, half: bool = False) -> None:
    """Write `humanizer.json` and `humanizer.safetensors`; the same weights give the same bytes.

    Args:
        folder: A model's folder.
        humanizer: What to write.
        half: Whether to round weights to 16 bits, for half the size.
    """
    described, stored = (folder / name for name in HUMANIZER_FILES)
    content = {"spec": humanizer.spec.to_json(), "figures": humanizer.figures}
    write_json(described, content)
    kind = np.float16 if half else np.float32
    names = weight_shapes(humanizer.spec)
    write_arrays(stored, {name: humanizer.weights[name].astype(kind) for name in names})


def load_humanizer(folder: Path) -> Humanizer:
    """Read a humanizer from a model's folder.

    Raises:
        ModelError: A file is missing or broken, or the two do not fit together.
    """
    described, stored = (folder / name for name in HUMANIZER_FILES)
    try:
        content = read_json(described)
    except TableError as error:
        raise ModelError(described, error.rule, error.received, _AGAIN) from error
    spec, figures = _read_description(described, content)
    return Humanizer(spec, read_weights(stored, weight_shapes(spec)), figures, stored)


def _read_description(path: Path, content: Any) -> tuple[HumanizerSpec, dict[str, float]]:
    if not isinstance(content, dict) or set(content) != _KEYS:
        received = list(content) if isinstance(content, dict) else type(content).__name__
        raise ModelError(path, "keys", received, _AGAIN)
    try:
        spec = HumanizerSpec.from_json(content["spec"])
        return spec, {str(name): float(value) for name, value in content["figures"].items()}
    except (LookupError, OverflowError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(path, "values", error, _AGAIN) from error

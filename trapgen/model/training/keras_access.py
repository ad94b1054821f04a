"""Access to Keras: import, and a model's weights in and out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapgen.model.words.spec import Array


def import_tensorflow() -> tuple[Any, Any]:
    """Import Keras and TensorFlow, without start-up messages on machines without a GPU."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_start() if "tensorflow" not in sys.modules else nullcontext():
        import keras
        import tensorflow as tf

        # Device discovery happens here rather than during the first epoch.
        tf.config.list_physical_devices()
    return keras, tf


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Close the process's standard error: TensorFlow writes to it before its log level applies."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def start_repeatably(seed: int) -> None:
    """Make TensorFlow deterministic to the bit for a seed."""
    keras, tf = import_tensorflow()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def get_variable(model: Any, name: str) -> Any:
    """The weight `layer/kind` of a Keras model."""
    layer, kind = name.split("/")
    holder = model.get_layer(layer)
    return getattr(getattr(holder, "cell", holder), kind)


def read_weights(model: Any, names: Iterable[str]) -> dict[str, Array]:
    """Weights of a Keras model by name, as the networks without TensorFlow take them."""
    return {name: np.asarray(get_variable(model, name), np.float32) for name in names}


def set_weights(model: Any, weights: Mapping[str, Array]) -> None:
    """Set weights of a Keras model by name."""
    for name, value in weights.items():
        get_variable(model, name).assign(value)


def to_tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Convert arrays by name to tensors: Keras refuses a mixture of both."""
    _, tf = import_tensorflow()
    return {name: tf.constant(value) for name, value in arrays.items()}


def exchange(variables: Sequence[Any], values: Sequence[Any]) -> list[NDArray[Any]]:
    """Set variables to new values, and return the old ones."""
    old = [np.asarray(variable).copy() for variable in variables]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return old

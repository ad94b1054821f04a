"""Layers of both networks in numpy and ONNX Runtime; results do not depend on the batch."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import ModelError, TableError, read_arrays

Array = NDArray[np.float32]

_SHARED: Final = 2**19
"""Number of weights from which a second thread is used."""

_MAX_HEADER_BYTES: Final = 1 << 20
"""Room for the names and shapes in a file of weights."""

_OPSET: Final = 17
_IR_VERSION: Final = 9
"""ONNX version, old enough for every ONNX Runtime that the package allows."""

_FLOAT: Final = 1
"""ONNX's number for float32."""


class Layers:
    """Layers by the names of their weights; a row's result does not depend on the other rows.

    In a BLAS, rounding depends on the tile that a row falls into, so on the number of rows and the
    row's index. ONNX Runtime packs a weight once and sums every row's terms in the same order, on
    any number of threads. This is a property of its kernels, not a guarantee, so
    `tests/library/test_model.py` tests it.

    Args:
        weights: float32 arrays by name; kernels are packed on creation, biases are read at use.
    """

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        kernels = {name: value for name, value in weights.items() if name.endswith("kernel")}
        self._sessions = {name: _load(kernel) for name, kernel in kernels.items()}

    def multiply(self, name: str, x: Array) -> Array:
        """`(..., width) @ weight`; may be called from several threads at once."""
        rows = np.ascontiguousarray(x, np.float32).reshape(-1, x.shape[-1])
        (result,) = self._sessions[name].run(None, {"x": rows})
        found: Array = result.reshape(*x.shape[:-1], result.shape[-1])
        return found

    def dense(self, name: str, x: Array) -> Array:
        """`x @ kernel + bias`."""
        return self.multiply(f"{name}/kernel", x) + self._weights[f"{name}/bias"]

    def lstm(self, name: str, x: Array, hidden: Array, cell: Array) -> tuple[Array, Array]:
        """One step of an LSTM: next hidden and cell state, `(n_rows, units)`."""
        units = hidden.shape[1]
        gates = self.multiply(f"{name}/kernel", x)
        gates += self.multiply(f"{name}/recurrent_kernel", hidden)
        gates += self._weights[f"{name}/bias"]
        # Keras' order: input, forget, candidate, output.
        candidate = np.tanh(gates[:, 2 * units : 3 * units])
        opened = sigmoid(gates)
        i, f, o = opened[:, :units], opened[:, units : 2 * units], opened[:, 3 * units :]
        cell = f * cell + i * candidate
        return o * np.tanh(cell), cell


def _load(weight: Array) -> Any:
    """An ONNX Runtime session that multiplies by a matrix."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2 if weight.size >= _SHARED else 1
    options.inter_op_num_threads = 1
    # Spinning threads would take cores from each other, and from loops in other blocks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        encode_product(weight), options, providers=["CPUExecutionProvider"]
    )


def encode_product(weight: Array) -> bytes:
    """An ONNX model of one node, `product = MatMul(x, weight)`, as its protobuf bytes.

    The graph never changes, so its few fields are written here; the package onnx, 36 MB with what
    it needs, would write the same. Numbers of the fields: onnx.proto3 of ONNX 1.19.

    Args:
        weight: `(width, n_columns)` float32.
    """
    width, n_columns = weight.shape
    dimensions = b"".join(_varint_field(1, size) for size in weight.shape)
    raw = np.ascontiguousarray(weight, "<f4").tobytes()
    tensor = dimensions + _varint_field(2, _FLOAT) + _field(8, b"weight") + _field(9, raw)
    node = _field(1, b"x") + _field(1, b"weight") + _field(2, b"product") + _field(4, b"MatMul")
    graph = _field(1, node) + _field(2, b"product") + _field(5, tensor)
    graph += _field(11, _describe_rows(b"x", width))
    graph += _field(12, _describe_rows(b"product", n_columns))
    opset = _field(8, _varint_field(2, _OPSET))
    return _varint_field(1, _IR_VERSION) + _field(7, graph) + opset


def _describe_rows(name: bytes, width: int) -> bytes:
    """The ValueInfoProto of float32 rows, any number of them."""
    shape = _field(1, b"") + _field(1, _varint_field(1, width))
    tensor = _varint_field(1, _FLOAT) + _field(2, shape)
    return _field(1, name) + _field(2, _field(1, tensor))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def check_shapes(
    weights: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]], path: Path | str
) -> None:
    """Check that every weight exists with its shape, and is finite.

    Raises:
        ModelError: One is missing, has another shape, or holds NaN or infinity.
    """
    for name, shape in shapes.items():
        found = weights[name].shape if name in weights else None
        if found != shape:
            raise ModelError(path, name, found, f"The weight must have shape {shape}.")
        if not np.isfinite(weights[name]).all():
            raise ModelError(path, name, "NaN or infinity", "Train the model again.")


def read_weights(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Read float32 weights from a `.safetensors` file that is no larger than their shapes need.

    Raises:
        ModelError: The file is missing, too large or broken.
    """
    max_bytes = _MAX_HEADER_BYTES + 4 * sum(map(prod, shapes.values()))
    try:
        with np.errstate(over="ignore"):  # `check_shapes` names what is infinite
            arrays = read_arrays(path, max_bytes).items()
            return {name: array.astype(np.float32) for name, array in arrays}
    except (TableError, TypeError, ValueError) as error:
        raise ModelError(path, "unreadable", error, "Train the model again.") from error


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    # tanh does not overflow at either end.
    result: Array = np.float32(0.5) * x
    np.tanh(result, out=result)
    result += np.float32(1)
    result *= np.float32(0.5)
    return result


def log_softmax(scores: Array) -> Array:
    """Natural log of the softmax over the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result

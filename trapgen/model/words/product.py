"""Products of rows with a weight that do not depend on which rows stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from trapgen.model.words.spec import Array

_SHARED: Final = 2**19
"""So many weights are worth a second thread."""

_OPSET: Final = 17
_IR_VERSION: Final = 9
"""Of ONNX; old enough for every ONNX Runtime that the package allows."""


class RowProducts:
    """`x @ weight` where a row's product is the same to the bit in any company.

    A BLAS rounds a row by the tile that it falls into: its product depends on how many rows there
    are, and where it stands. ONNX Runtime packs a weight once and adds up every row's terms in the
    same order, on however many threads; that is a property of its kernels and no promise, so
    `tests/library/test_model.py` holds it.

    Args:
        weights: float32 arrays by name, of which the kernels are taken.
    """

    def __init__(self, weights: Mapping[str, Array]) -> None:
        kernels = {name: value for name, value in weights.items() if name.endswith("kernel")}
        self._sessions = {name: _load(kernel) for name, kernel in kernels.items()}

    def __call__(self, name: str, x: Array) -> Array:
        """`(..., width) @ weight`; may be called from several threads at once."""
        rows = np.ascontiguousarray(x, np.float32).reshape(-1, x.shape[-1])
        (result,) = self._sessions[name].run(None, {"x": rows})
        found: Array = result.reshape(*x.shape[:-1], result.shape[-1])
        return found


def _load(weight: Array) -> Any:
    """A session of ONNX Runtime that multiplies by a matrix."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    width, n_columns = weight.shape
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["product"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, [None, n_columns])],
        [numpy_helper.from_array(np.ascontiguousarray(weight, np.float32), "weight")],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2 if weight.size >= _SHARED else 1
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the cores from each other, and from loops in other blocks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

"""Tables as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from trapgen.core import Columns


@dataclass(frozen=True, eq=False)
class Hits(Columns):
    step: NDArray[np.int64]
    shape: NDArray[np.float32]


HITS = Hits(np.array([3, 1, 2]), np.arange(6, dtype=np.float32).reshape(3, 2))


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        (np.array([2, 0]), [2, 3]),
        (np.array([False, True, True]), [1, 2]),
        (slice(1), [3]),
        (np.zeros(0, np.int64), []),
    ],
)
def test_rows_are_taken_of_every_column(rows, steps):
    found = HITS.take(rows)
    assert isinstance(found, Hits)
    assert found.step.tolist() == steps
    assert np.array_equal(found.shape, HITS.shape[rows])
    assert len(found) == len(steps)


def test_tables_are_joined_in_their_order_and_keep_their_types():
    found = Hits.join([HITS.take(slice(2, 3)), HITS])
    assert found.step.tolist() == [2, 3, 1, 2]
    assert found.shape.dtype == np.float32
    assert np.array_equal(found.shape, HITS.shape[[2, 0, 1, 2]])

"""Recall of a near-duplicate search."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.similarity.bars import RowPairs

_CHUNK_CELLS: Final = 2**24


def measure_recall(
    ours: NDArray[np.bool_],
    known: NDArray[np.bool_],
    max_distance: float,
    found: RowPairs | NDArray[np.bool_],
    rng: np.random.Generator,
    n_sample: int = 200,
    *,
    max_changed: int | None = None,
) -> float:
    """Recall of a search on some of our rows, against exhaustive search.

    Args:
        ours: `(n, n_cells)` onsets.
        known: `(m, n_cells)` onsets.
        max_distance: Jaccard distance, from 0 to 1.
        found: Result of `near_rows`, compared with all near pairs of the sampled rows; or of
            `share_near`, compared with the rows that have a near row.
        rng: Random generator of the sample.
        n_sample: Number of sampled rows.
        max_changed: Also at most this many differing cells, as for `near_rows`.

    Returns:
        From 0 to 1; 1 if there is no near row.
    """
    drawn = rng.permutation(len(ours))[:n_sample]
    if isinstance(found, RowPairs):
        reported = set((found.ours * len(known) + found.known)[np.isin(found.ours, drawn)].tolist())
    sample = ours[drawn].astype(np.float32)
    near = []
    n_rows = max(1, _CHUNK_CELLS // known.shape[1])
    for start in range(0, len(known), n_rows):
        part = known[start : start + n_rows].astype(np.float32)
        shared = sample @ part.T
        union = sample.sum(axis=1)[:, None] + part.sum(axis=1)[None] - shared
        within = union - shared <= np.float32(max_distance) * union
        if max_changed is not None:
            within &= union - shared <= max_changed
        one, other = np.nonzero(within)
        near.append(np.stack([drawn[one], other + start]))
    one, other = np.concatenate([np.zeros((2, 0), np.int64), *near], axis=1)
    if isinstance(found, RowPairs):
        hits = [pair in reported for pair in (one * len(known) + other).tolist()]
    else:
        hits = found[np.unique(one)].tolist()
    return sum(hits) / len(hits) if hits else 1.0

"""Clusters of loops: connected components of a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop
from trapgen.similarity.loops import find_pairs


def connect(
    n_items: int, links: Iterable[tuple[int, int]] | NDArray[np.integer]
) -> NDArray[np.int64]:
    """The connected components of a graph.

    Args:
        n_items: Number of items.
        links: Pairs of items, or an array `(n_links, 2)` of them.

    Returns:
        `(n_items,)` the smallest item of each item's component.
    """
    pairs = links if isinstance(links, np.ndarray) else np.array(list(links), np.int64)
    one, other = pairs.reshape(-1, 2).T
    # Each root is hooked to a smaller one, until both ends of every link have the same.
    root = np.arange(n_items)
    while len(one):
        ends = np.sort([root[one], root[other]], axis=0)
        np.minimum.at(root, ends[1], ends[0])
        while not np.array_equal(flat := root[root], root):
            root = flat
        is_open = root[one] != root[other]
        one, other = one[is_open], other[is_open]
    return root


def cluster(loops: Sequence[DrumLoop], max_distance: float) -> NDArray[np.int64]:
    """Group loops that share a source or lie within `max_distance` of each other.

    Returns:
        `(n_loops,)` the index of the first loop of each loop's group.
    """
    pairs = find_pairs(loops, loops, max_distance)
    near = np.stack([pairs.left, pairs.right], axis=1)[pairs.left < pairs.right]
    first: dict[str, int] = {}
    related = [
        (first.setdefault(source, at), at)
        for at, loop in enumerate(loops)
        for source in loop.lineage.source_ids
    ]
    shared = np.array(related, near.dtype).reshape(-1, 2)
    return connect(len(loops), np.concatenate([near, shared]))

"""Other methods of leak detection, each with several settings, for `bench.audit`.

A loop is a row for the first, a set for the second and a vector for the third. Several definitions
of row, set and vector are tried for each, so that none is at a disadvantage for lack of a setting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from trapgen.core import DrumLoop, cut, repeat_to

N_PERMUTATIONS = 128
LOOSEST = 0.4
SIMILARITIES = (0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
N_NEIGHBORS = 10
SHARES_OF_MEDIAN = (0.01, 0.13, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0)

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A search with one setting.

    Attributes:
        setting: The setting as text.
        pairs: `(n, 2)` indices of a training loop and another that it reports.
        seconds: Run time.
    """

    setting: str
    pairs: NDArray[np.int64]
    seconds: float


# Exact rows


def match_rows(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> Iterator[Run]:
    """Equal rows across splits, as in Deepchecks' train-test samples mix.

    deepchecks/deepchecks, checks/train_test_validation/train_test_samples_mix.py: rows are grouped
    by all their columns. Here a row is a whole loop, or a bar, and then a pair is reported if a
    given share of the other loop's bars occur in the training loop.
    """
    start = time.perf_counter()
    rows = [
        pd.DataFrame({"at": np.arange(len(side)), "row": [loop.onsets.tobytes() for loop in side]})
        for side in (train, others)
    ]
    merged = rows[0].merge(rows[1], on="row", suffixes=("_left", "_right"))
    pairs = merged[["at_left", "at_right"]].to_numpy(np.int64)
    yield Run("whole loops", pairs, time.perf_counter() - start)
    start = time.perf_counter()
    left, right = (_list_bars(side) for side in (train, others))
    merged = left.merge(right, on="row", suffixes=("_left", "_right"))
    shared = merged.groupby(["at_left", "at_right"]).size().rename("shared").reset_index()
    n_bars = right.groupby("at").size()
    share = shared["shared"].to_numpy() / n_bars.loc[shared["at_right"]].to_numpy()
    pairs = shared[["at_left", "at_right"]].to_numpy(np.int64)
    seconds = time.perf_counter() - start
    for name, least in (("any bar", 0.0), ("half of the bars", 0.5), ("every bar", 1.0)):
        yield Run(name, pairs[share >= least], seconds)


def _list_bars(loops: Sequence[DrumLoop]) -> pd.DataFrame:
    """One row for each distinct bar of each loop, without silent ones."""
    bars = [
        (at, bar.tobytes())
        for at, loop in enumerate(loops)
        for bar in np.unique(loop.onsets.reshape(loop.n_bars, -1), axis=0)
        if bar.any()
    ]
    return pd.DataFrame(bars, columns=["at", "row"])


# MinHash


def hits_of(loop: DrumLoop) -> list[bytes]:
    """Every hit as step and voice."""
    return [cell.tobytes() for cell in np.flatnonzero(loop.onsets).astype(np.uint32)]


def folded_hits_of(loop: DrumLoop) -> list[bytes]:
    """Every hit as step within the bar and voice."""
    cells = loop.onsets.reshape(loop.n_bars, -1).any(axis=0)
    return [cell.tobytes() for cell in np.flatnonzero(cells).astype(np.uint32)]


def bars_of(loop: DrumLoop) -> list[bytes]:
    """Every distinct bar."""
    return list({bar.tobytes() for bar in loop.onsets.reshape(loop.n_bars, -1)})


def beats_of(loop: DrumLoop) -> list[bytes]:
    """Every two consecutive beats, with wraparound."""
    beats = [beat.tobytes() for beat in loop.onsets.reshape(4 * loop.n_bars, -1)]
    return list({one + two for one, two in zip(beats, beats[1:] + beats[:1], strict=True)})


SETS: dict[str, Callable[[DrumLoop], list[bytes]]] = {
    "hits": hits_of,
    "hits folded into a bar": folded_hits_of,
    "bars": bars_of,
    "pairs of beats": beats_of,
}


def match_minhash(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> Iterator[Run]:
    """MinHash LSH (Broder 1997; datasketch), candidates verified with their 128 permutations."""
    for name, make_set in SETS.items():
        start = time.perf_counter()
        pairs, similarity = sketch_pairs(train, others, make_set, LOOSEST)
        seconds = time.perf_counter() - start
        for least in SIMILARITIES:
            yield Run(f"{name}, {least:g}", pairs[similarity >= least], seconds)


def sketch_pairs(
    train: Sequence[T], others: Sequence[T], make_set: Callable[[T], list[bytes]], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`(n, 2)` candidate pairs of an LSH index at `threshold`, and their estimated similarity."""
    ours = _sketch(train, make_set)
    theirs = ours if others is train else _sketch(others, make_set)
    index = MinHashLSH(threshold=threshold, num_perm=N_PERMUTATIONS)
    with index.insertion_session() as session:
        for at, sketch in enumerate(ours):
            session.insert(at, sketch)
    found = [np.array(index.query(sketch), dtype=np.int64) for sketch in theirs]
    right = np.repeat(np.arange(len(theirs)), [len(some) for some in found])
    pairs = np.stack([np.concatenate([*found, right[:0]]), right], axis=1)
    left_values, right_values = (
        np.array([sketch.hashvalues for sketch in side], dtype=np.uint64).reshape(
            -1, N_PERMUTATIONS
        )
        for side in (ours, theirs)
    )
    similarity = np.zeros(len(pairs))
    for start in range(0, len(pairs), 100_000):
        some = pairs[start : start + 100_000]
        same = left_values[some[:, 0]] == right_values[some[:, 1]]
        similarity[start : start + 100_000] = same.mean(axis=1)
    return pairs, similarity


def _sketch(items: Sequence[T], make_set: Callable[[T], list[bytes]]) -> list[MinHash]:
    return list(MinHash.generator(map(make_set, items), num_perm=N_PERMUTATIONS, seed=1))


# Nearest neighbors


def first_bars_of(loop: DrumLoop) -> NDArray[np.float32]:
    """The onsets of four bars, the loop repeated or cut to them."""
    four = cut(loop, 0, 4) if loop.n_bars > 4 else repeat_to(loop, 4)
    return four.onsets.ravel().astype(np.float32)


def mean_bar_of(loop: DrumLoop) -> NDArray[np.float32]:
    """Mean onset of each voice at each step of the bar."""
    mean: NDArray[Any] = loop.onsets.reshape(loop.n_bars, -1).mean(axis=0)
    return mean.astype(np.float32)


VECTORS: dict[str, Callable[[DrumLoop], NDArray[np.float32]]] = {
    "four bars": first_bars_of,
    "mean bar": mean_bar_of,
}


def match_neighbors(train: Sequence[DrumLoop], others: Sequence[DrumLoop]) -> Iterator[Run]:
    """Nearest neighbors closer than a share of the median, as in cleanlab's near-duplicate issue.

    cleanlab/cleanlab, datalab/internal/issue_manager/duplicate.py: one of an example's 10 nearest
    neighbors is its near-duplicate if it is closer than 0.13 of the median distance to a nearest
    neighbor; the metric for vectors of this length is the cosine. The median is taken over `train`
    only, so that leaks among the others do not reduce it to 0.
    """
    for name, make_vector in VECTORS.items():
        start = time.perf_counter()
        ours, theirs = (np.stack([make_vector(loop) for loop in side]) for side in (train, others))
        search = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(ours)), metric="cosine")
        nearest, _ = search.fit(ours).kneighbors(n_neighbors=1)
        median = max(float(np.median(nearest)), 1e-6)
        distance, found = search.kneighbors(theirs)
        right = np.repeat(np.arange(len(theirs)), found.shape[1])
        pairs = np.stack([found.ravel(), right], axis=1).astype(np.int64)
        seconds = time.perf_counter() - start
        for share in SHARES_OF_MEDIAN:
            near = distance.ravel() < share * median
            yield Run(f"{name}, {share:g} of the median", pairs[near], seconds)

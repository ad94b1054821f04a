"""The self-test: known leaks are planted in this corpus, and the search must find them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.leaks import Leak, draw_leaks
from trapgen.core import AuditParams, DrumLoop

Reported = Iterable[tuple[int, int]] | NDArray[np.integer[Any]]
"""Pairs of a training loop and another, by index; `(n, 2)` if an array."""

Search = Callable[[Sequence[DrumLoop], Sequence[DrumLoop]], Reported]
"""Every pair, of any kind, that an audit of these training loops and these others reports."""


def self_test(
    train: Sequence[DrumLoop],
    held_out: Sequence[DrumLoop],
    search: Search,
    params: AuditParams,
    rng: np.random.Generator,
    *,
    reported: Reported,
    same: Reported = (),
) -> dict[str, Any]:
    """Plant leaks of training loops among the held-out ones and count those that the search finds.

    A leak is found if the search reports it with the training loop that it was made from, or with
    one of the same hits; other neighbors do not count.

    Args:
        train: The training loops.
        held_out: The held-out loops; parts of training loops are also copied into them.
        search: The search, as the audit uses it.
        params: Number of leaks of each kind.
        rng: Random generator of the leaks.
        reported: Pairs that the search reports for `train` and `held_out` themselves.
        same: Pairs of the two that are equal or nearly so: by chance or by a real leak, so that
            reporting them is no false alarm.

    Returns:
        `injected` and `found`, numbers of leaks; `recall` by kind, for kinds that some loop is
        suited to; `false_alarms`, the share of reported pairs among those without a common source,
        and `unrelated_pairs`, their number.
    """
    leaks = draw_leaks(train, held_out, params.self_test_leaks, rng, params.common_pattern_share)
    found = find_leaks(train, leaks, search)
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for leak, is_found in zip(leaks, found.tolist(), strict=True):
        by_kind[leak.kind].append(is_found)
    n_alarms, n_unrelated = count_false_alarms(train, held_out, reported, same)
    return {
        "injected": len(leaks),
        "found": int(found.sum()),
        "recall": {kind: sum(hits) / len(hits) for kind, hits in by_kind.items()},
        "false_alarms": n_alarms / n_unrelated if n_unrelated else 0.0,
        "unrelated_pairs": n_unrelated,
    }


def find_leaks(
    train: Sequence[DrumLoop], leaks: Sequence[Leak], search: Search
) -> NDArray[np.bool_]:
    """`(n_leaks,)` whether a search reports each leak with its original, or one of equal hits."""
    found = np.zeros(len(leaks), bool)
    if leaks:
        pairs = _to_array(search(train, [leak.loop for leak in leaks]))
        alike = _number([(loop.n_bars, loop.onsets.tobytes()) for loop in train])
        originals = alike[[leak.original for leak in leaks]]
        found[pairs[alike[pairs[:, 0]] == originals[pairs[:, 1]], 1]] = True
    return found


def count_false_alarms(
    train: Sequence[DrumLoop], held_out: Sequence[DrumLoop], reported: Reported, same: Reported = ()
) -> tuple[int, int]:
    """Number of unrelated pairs that are reported, and number of all unrelated pairs.

    Loops are unrelated if they have no source in common and are not among `same`.
    """
    # Grouped by sources: thousands of loops come from a few hundred sets of sources.
    origins = [frozenset(loop.lineage.source_ids) for loop in (*train, *held_out)]
    numbers = _number(origins)
    ours, theirs = numbers[: len(train)], numbers[len(train) :]
    sources = dict(zip(numbers.tolist(), origins, strict=True))
    holders: dict[str, list[int]] = defaultdict(list)
    n_ours = np.bincount(ours, minlength=len(sources))
    for number in np.flatnonzero(n_ours).tolist():
        for source in sources[number]:
            holders[source].append(number)
    n_related = 0
    for number, times in enumerate(np.bincount(theirs, minlength=len(sources)).tolist()):
        if not times:
            continue
        related = {other for source in sources[number] for other in holders.get(source, ())}
        n_related += times * int(n_ours[list(related)].sum())

    def number_unrelated(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """One number for each distinct pair without a common source."""
        both = ours[pairs[:, 0]] * len(sources) + theirs[pairs[:, 1]]
        distinct, at = np.unique(both, return_inverse=True)
        ends = zip(*(side.tolist() for side in np.divmod(distinct, len(sources))), strict=True)
        unrelated = [sources[left].isdisjoint(sources[right]) for left, right in ends]
        kept = pairs[np.array(unrelated, bool)[at]]
        return np.unique(kept[:, 0] * len(held_out) + kept[:, 1])

    known = number_unrelated(_to_array(same))
    alarms = np.setdiff1d(number_unrelated(_to_array(reported)), known, assume_unique=True)
    return len(alarms), len(train) * len(held_out) - n_related - len(known)


def _number(keys: Sequence[object]) -> NDArray[np.int64]:
    """`(n,)` number of each key, from 0 in the order of first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _to_array(pairs: Reported) -> NDArray[np.int64]:
    if not isinstance(pairs, np.ndarray):
        pairs = np.array(list(pairs), dtype=np.int64)
    return pairs.reshape(-1, 2).astype(np.int64)

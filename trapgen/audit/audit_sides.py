"""The overlap audit: what training and held-out loops have in common, and the gate.

The audit lists pairs of bars and loops across splits within the thresholds. Overlap is compared
with chance, the overlap of independent sources, and the search is validated by a self-test that
plants leaks and counts how many are found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.chance import chance_baseline
from trapgen.audit.dedup import deduplicate
from trapgen.audit.gate import judge
from trapgen.audit.loop_matches import LoopMatches, Mask
from trapgen.audit.overlap import Match, find_matches, list_overlaps
from trapgen.audit.results import Audit, Sided, SweepPoint, VoiceOverlap, WindowOverlap
from trapgen.audit.selftest import self_test
from trapgen.audit.sources import count_sources, effective_parts, effective_sources
from trapgen.core import AuditParams, DrumLoop, ParameterError, relabel


def label_splits(train: Sequence[DrumLoop], other: Sequence[DrumLoop]) -> Sided:
    """Two collections as `train` and `other`, with the split in front of every loop's id.

    Both collections may use the same ids; loops without an id get their number.
    """
    return [
        (split, relabel(loop, loop_id=f"{split}/{loop.lineage.loop_id or number}"))
        for split, loops in (("train", train), ("other", other))
        for number, loop in enumerate(loops)
    ]


def audit_sides(
    sided: Sided,
    params: AuditParams,
    rng: np.random.Generator,
    *,
    protocol: str = "as given",
    draw_independent: Callable[[np.random.Generator], Sided] | None = None,
) -> Audit:
    """Compare the other splits with train, and apply the gate.

    Args:
        sided: Every loop with its split; one of them is `train`.
        params: Thresholds of the search and of the gate.
        rng: Random generator of the chance baseline and of the self-test.
        protocol: How the split was made, for the record.
        draw_independent: Draws an independent split of the same sources; without it, whole groups
            of related loops are assigned at random.

    Returns:
        The audit; `reasons` is empty if the gate passes.

    Raises:
        ParameterError: Train or the other splits have no loops, or loops have different grids.
    """
    sides = [side for side, _ in sided]
    loops = [loop for _, loop in sided]
    train = np.array([side == "train" for side in sides], bool)
    if not train.any() or train.all():
        received = (int(train.sum()), int((~train).sum()))
        raise ParameterError(
            "loops in train and in the other splits", "at least one each", received
        )
    loop_matches = LoopMatches(loops, params, train)
    matches = find_matches(loop_matches, train, ~train)
    listing = list_overlaps(loop_matches, matches, sides)
    measures = loop_matches.measure(train, ~train)
    chance = chance_baseline(loop_matches, train, params, rng, draw_independent)
    masks = {side: np.array([at == side for at in sides]) for side in dict.fromkeys(sides)}
    by_side = {side: [loop for at, loop in sided if at == side] for side in masks}
    near = params.near_duplicate_distance
    bars = loop_matches.windows[1]
    found = Audit(
        protocol=protocol,
        n_loops={side: len(of_side) for side, of_side in by_side.items()},
        n_sources={side: len(count_sources(of_side)) for side, of_side in by_side.items()},
        effective_sources={
            side: effective_sources(of_side, near, loops) for side, of_side in by_side.items()
        },
        effective_parts=effective_parts(loops, near),
        exact_bar_overlap=measures.windows[1],
        exact_bar_overlap_by_side={
            side: bars.share_exact(train, masks[side]) for side in by_side if side != "train"
        },
        near_bar_overlap=bars.share_near(train, ~train, near),
        exact_loop_overlap=measures.loops[0.0],
        n_pairs=listing.counts,
        near_duplicate_pairs=listing.near_duplicates,
        pairs=tuple(listing.rows),
        chance=chance.windows[1],
        windows=tuple(
            WindowOverlap(
                n_bars=n_bars,
                n_windows=int((~train)[windows.owner].sum()),
                exact=measures.windows[n_bars],
                near=windows.share_near(train, ~train, near),
                chance=chance.windows[n_bars],
            )
            for n_bars, windows in loop_matches.windows.items()
        ),
        voices=VoiceOverlap(measures.voices, chance.voices),
        sweep=tuple(
            SweepPoint(distance, share, chance.loops[distance])
            for distance, share in measures.loops.items()
        ),
        self_test=_test_search(loop_matches, matches, train, params, rng),
        decisions=tuple(deduplicate(sided, loop_matches)),
    )
    return replace(found, reasons=tuple(judge(found, params)))


def find_copies(
    train: Sequence[DrumLoop], others: Sequence[DrumLoop], params: AuditParams
) -> NDArray[np.int64]:
    """Every pair of a training loop and another that look like copies.

    Compares whole loops under all invariances, whole voices, and windows of two bars. Single bars
    in common are left out, since most are chance matches.

    Returns:
        `(n_pairs, 2)` indices of the training loop and of the other, sorted.

    Raises:
        ParameterError: There is no loop, or loops have different grids.
    """
    is_train = np.arange(len(train) + len(others)) < len(train)
    loop_matches = LoopMatches([*train, *others], params, is_train)
    matches = find_matches(loop_matches, is_train, ~is_train)
    pairs = _expand(loop_matches, matches, is_train)
    pairs[:, 1] -= len(train)
    return pairs


def _expand(loop_matches: LoopMatches, matches: Sequence[Match], train: Mask) -> NDArray[np.int64]:
    """`(n_pairs, 2)` index pairs of the loops whose patterns match, sorted."""
    ours, theirs = loop_matches.loops_by_pattern(train), loop_matches.loops_by_pattern(~train)
    pairs = [
        pair
        for match in matches
        if match.kind != "exact_bar"
        for pair in product(ours[match.left], theirs[match.right])
    ]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def _test_search(
    loop_matches: LoopMatches,
    matches: Sequence[Match],
    train: Mask,
    params: AuditParams,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The self-test on the distinct patterns of train and the other splits, one loop for each."""
    known, held_out = loop_matches.loops_by_pattern(train), loop_matches.loops_by_pattern(~train)
    left_of, right_of = (
        {pattern: n for n, pattern in enumerate(side)} for side in (known, held_out)
    )
    reported = [
        (left_of[match.left], right_of[match.right], match)
        for match in matches
        if match.kind != "exact_bar"
    ]
    return self_test(
        [loop_matches.loops[have_it[0]] for have_it in known.values()],
        [loop_matches.loops[have_it[0]] for have_it in held_out.values()],
        lambda ours, theirs: find_copies(ours, theirs, params),
        params,
        rng,
        reported=[(left, right) for left, right, _ in reported],
        same=[
            (left, right)
            for left, right, match in reported
            if match.kind in ("exact_loop", "near_loop")
            and match.distance <= params.near_duplicate_distance
        ],
    )

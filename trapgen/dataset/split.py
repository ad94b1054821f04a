"""Split of sources into train, validation and test, without a source in two of them.

Splitting precedes recombination: recombined loops link their parents, and after a random
recombination all sources are connected and no independent split exists.

Two protocols of the original project are kept for comparison: `by_file` and `random_windows`
recombine first and split loops, or bars, afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SIDES, DrumLoop, SplitError, SplitParams, cut
from trapgen.similarity import cluster, connect

POOL: Final = "pool"
"""Split of all sources under a protocol that splits loops only after recombination."""

STICKY_PROTOCOLS: Final = ("by_source", "published")
"""Protocols under which a source has a split of its own, and keeps it."""

PART_ROLES: Final = ("kick", "snare", "hat")
"""The roles of the parts of a recombined loop."""


def share_of(side: str, params: SplitParams) -> float:
    """Share of the sources in a split, from 0 to 1."""
    held_out = {"validation": params.validation_share, "test": params.test_share}
    return held_out.get(side, 1 - sum(held_out.values()))


def split_sources(
    loops: Sequence[DrumLoop],
    params: SplitParams,
    rng: np.random.Generator,
    components: NDArray[np.int64] | None = None,
    published: Sequence[str] = (),
    *,
    assigned: Mapping[str, str] | None = None,
    learned: Collection[int] = (),
) -> list[str]:
    """Assign sources to splits, whole components at a time, in the given shares within each role.

    A component with an assigned source keeps its split, and only the others are dealt. Where
    assigned sources of two splits meet in one component, all of it goes to the first of train,
    validation and test: what a model has learned or was chosen by cannot test it any more.

    Args:
        loops: The standardized loops, one per source.
        params: Protocol and shares.
        rng: Random generator of the assignment.
        components: `(n_loops,)` from `find_components`, if already computed.
        published: Split of each loop assigned by its publisher, empty if not stated; used only by
            the protocol `published`.
        assigned: Earlier split of sources, by their id.
        learned: Indices of loops that a start model has learned: their components go to train.

    Returns:
        Split of each loop; `pool` for all under protocols that split later.

    Raises:
        SplitError: A split would have no parts to recombine.
    """
    if params.protocol not in STICKY_PROTOCOLS:
        return [POOL] * len(loops)
    stated = _check_published(published) if params.protocol == "published" else [""] * len(loops)
    if components is None:
        components = find_components(loops, params)
    members: dict[int, list[int]] = {}
    for at, component in enumerate(components.tolist()):
        members.setdefault(component, []).append(at)
    before = [
        {stated[at]} if stated[at] else list_assigned(loop, assigned or {})
        for at, loop in enumerate(loops)
    ]
    for at in learned:
        before[at] = {SIDES[0]}
    side_of: dict[int, str] = {}
    for component, of_component in members.items():
        found = set().union(*(before[at] for at in of_component))
        if found:
            side_of[component] = min(found, key=SIDES.index)
    sides = [side for side in SIDES if share_of(side, params) > 0]
    by_role: dict[str, list[int]] = {}
    sizes: dict[int, int] = {}
    for component, of_component in members.items():
        # Files with a published split have shares of their own.
        ours = [at for at in of_component if not stated[at]]
        if ours:
            roles = Counter(loops[at].lineage.role for at in ours)
            by_role.setdefault(roles.most_common(1)[0][0], []).append(component)
            sizes[component] = len(ours)
    for role in sorted(by_role):
        side_of.update(_deal(by_role[role], sizes, side_of, params, sides, rng))
    pairs = zip(stated, components.tolist(), strict=True)
    dealt = [own or side_of[component] for own, component in pairs]
    _check_sides(loops, dealt, sides, by_role)
    return dealt


def _deal(
    components: Sequence[int],
    sizes: Mapping[int, int],
    side_of: Mapping[int, str],
    params: SplitParams,
    sides: Sequence[str],
    rng: np.random.Generator,
) -> dict[int, str]:
    """Deal the components of one role that have no split yet: held-out splits are filled first."""
    waiting = rng.permutation(np.array([x for x in components if x not in side_of], int)).tolist()
    n_loops = sum(sizes[component] for component in components)
    filled = Counter[str]()
    for component in set(components) & side_of.keys():
        filled[side_of[component]] += sizes[component]
    dealt = {}
    for at, side in enumerate(sides[1:], start=1):
        n_side = max(1, round(share_of(side, params) * n_loops))
        # Each split still to be filled, train last, keeps at least one component.
        n_kept = sum(not filled[later] for later in (*sides[at + 1 :], sides[0]))
        for component in list(waiting):
            # The nearest that whole components come to the share.
            if len(waiting) > n_kept and sizes[component] <= 2 * (n_side - filled[side]):
                dealt[component] = side
                filled[side] += sizes[component]
                waiting.remove(component)
        if not filled[side] and len(waiting) > n_kept:
            smallest = min(waiting, key=sizes.__getitem__)
            dealt[smallest] = side
            filled[side] += sizes[smallest]
            waiting.remove(smallest)
    return dealt | dict.fromkeys(waiting, sides[0])


def list_assigned(loop: DrumLoop, assigned: Mapping[str, str]) -> set[str]:
    """The splits that a loop's sources are assigned to."""
    return {assigned[source] for source in loop.lineage.source_ids if source in assigned}


def _check_published(published: Sequence[str]) -> Sequence[str]:
    if unknown := sorted(set(published) - {"", *SIDES}):
        raise SplitError(
            Path("the corpus"), "published_split", unknown, f"Must be one of {', '.join(SIDES)}."
        )
    if not any(published):
        raise SplitError(
            Path("the corpus"),
            "published_split",
            "no file with one",
            "Import the dataset with `trapgen import`, or split by_source.",
        )
    return published


def find_components(
    loops: Sequence[DrumLoop], params: SplitParams, groups: Sequence[str] = ()
) -> NDArray[np.int64]:
    """`(n_loops,)` group of each loop: related sources, and files of one group, form one group.

    Args:
        loops: The standardized loops.
        params: Distance within which sources are related, and whether groups are kept.
        groups: Group of each loop as its pack states it (a song, a performer), empty for none.
    """
    related = cluster(loops, params.near_duplicate_distance)
    if not params.groups or not any(groups):
        return related
    first: dict[str, int] = {}
    links = [(first.setdefault(group, at), at) for at, group in enumerate(groups) if group]
    return connect(len(loops), [*enumerate(related.tolist()), *links])


def _check_sides(
    loops: Sequence[DrumLoop],
    assigned: Sequence[str],
    sides: Sequence[str],
    by_role: dict[str, list[int]],
) -> None:
    for side in sides:
        roles = {loop.lineage.role for loop, at in zip(loops, assigned, strict=True) if at == side}
        if "full" in roles or roles.issuperset(PART_ROLES):
            continue
        counts = {role: len(by_role.get(role, ())) for role in (*PART_ROLES, "full")}
        raise SplitError(
            Path("the corpus"),
            "too_few_sources",
            ", ".join(f"{count} independent {role}" for role, count in counts.items()),
            f"Each of {', '.join(sides)} needs a kick, a snare and a hat, or a full loop, that no "
            f"other split has: add {len(sides)} of each part, or {len(sides)} full loops.",
        )


def deal_loops(
    loops: Sequence[DrumLoop], params: SplitParams, rng: np.random.Generator
) -> list[tuple[str, DrumLoop]]:
    """Assign recombined loops, or their bars, to splits at random: the protocols that leak."""
    if params.protocol == "random_windows":
        loops = [_window(loop, bar) for loop in loops for bar in range(loop.n_bars)]
    shares = [share_of(side, params) for side in SIDES]
    return list(zip(rng.choice(SIDES, size=len(loops), p=shares).tolist(), loops, strict=True))


def _window(loop: DrumLoop, bar: int) -> DrumLoop:
    lineage = replace(
        loop.lineage,
        loop_id=f"{loop.lineage.loop_id}.bar{bar + 1}",
        parents=(loop.lineage.loop_id,),
        recipe=f'{{"window": {bar}}}',
    )
    return replace(cut(loop, bar, 1), lineage=lineage)

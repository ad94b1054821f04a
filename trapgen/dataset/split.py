"""Split of sources into train, validation and test, without a source in two of them.

Splitting precedes recombination: recombined loops link their parents, and after a random
recombination all sources are connected and no independent split exists.

Two protocols of the original project are kept for comparison: `by_file` and `random_windows`
recombine first and split loops, or bars, afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SIDES, DrumLoop, SplitError, SplitParams, cut
from trapgen.similarity import cluster

POOL: Final = "pool"
"""Split of all sources under a protocol that splits loops only after recombination."""

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
) -> list[str]:
    """Assign sources to splits, whole components at a time, in the given shares within each role.

    Args:
        loops: The standardized loops, one per source.
        params: Protocol and shares.
        rng: Random generator of the assignment.
        components: `(n_loops,)` from `find_components`, if already computed.
        published: Split of each loop assigned by its publisher, empty if not stated; used only by
            the protocol `published`.

    Returns:
        Split of each loop; `pool` for all under protocols that split later.

    Raises:
        SplitError: A split would have no parts to recombine.
    """
    if params.protocol == "published":
        return _keep_published(loops, params, rng, published)
    if params.protocol != "by_source":
        return [POOL] * len(loops)
    if components is None:
        components = find_components(loops, params)
    sides = [side for side in SIDES if share_of(side, params) > 0]
    members: dict[int, list[int]] = {}
    for at, component in enumerate(components.tolist()):
        members.setdefault(component, []).append(at)
    by_role: dict[str, list[int]] = {}
    for component, of_component in members.items():
        roles = Counter(loops[i].lineage.role for i in of_component)
        by_role.setdefault(roles.most_common(1)[0][0], []).append(component)
    side_of: dict[int, str] = {}
    for role in sorted(by_role):
        dealt = rng.permutation(np.array(by_role[role])).tolist()
        for n_waiting, side in zip(range(len(sides) - 1, 0, -1), sides[1:], strict=True):
            n_side = max(1, round(share_of(side, params) * len(by_role[role])))
            # Each split still to be filled, train last, keeps at least one component.
            for component in dealt[: min(n_side, max(0, len(dealt) - n_waiting))]:
                side_of[component] = side
                dealt.remove(component)
        side_of.update(dict.fromkeys(dealt, sides[0]))
    assigned = [side_of[component] for component in components.tolist()]
    _check_sides(loops, assigned, sides, by_role)
    return assigned


def _keep_published(
    loops: Sequence[DrumLoop],
    params: SplitParams,
    rng: np.random.Generator,
    published: Sequence[str],
) -> list[str]:
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
    rest = [loop for loop, side in zip(loops, published, strict=True) if not side]
    by_source = replace(params, protocol="by_source")
    dealt = iter(split_sources(rest, by_source, rng) if rest else [])
    return [side or next(dealt) for side in published]


def find_components(loops: Sequence[DrumLoop], params: SplitParams) -> NDArray[np.int64]:
    """`(n_loops,)` group of each loop: equal or nearly equal sources form one group."""
    return cluster(loops, params.near_duplicate_distance)


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

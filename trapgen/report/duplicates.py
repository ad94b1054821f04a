"""What deduplication dropped, why, and what that did to the training loops."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from trapgen.audit import Audit, Decision
from trapgen.core import DrumLoop
from trapgen.report.page import order_sides

_MARKS: Final = ",;:."

_MAX_REASONS: Final = 12
_MAX_VALUES: Final = 8
"""Styles, or roles, that the table of shifts lists; the most common ones."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Training loops before and after deduplication.

    Attributes:
        n_loops: Number of loops before and after.
        hits_a_bar: Mean number of hits a bar before and after.
        shares: Trait, its value, and the share of loops that have it before and after.
    """

    n_loops: tuple[int, int]
    hits_a_bar: tuple[float, float]
    shares: list[tuple[str, str | int, float, float]]

    @property
    def largest(self) -> tuple[str, str | int, float, float] | None:
        """The share that changed most."""
        return max(self.shares, key=lambda share: abs(share[3] - share[2]), default=None)


@dataclass(frozen=True, slots=True)
class Reason:
    """Loops dropped for one reason, without names and amounts; empty stands for the other reasons.

    `example` is the id of one of the loops.
    """

    reason: str
    n_loops: int
    example: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was dropped.

    Attributes:
        decisions: On the loops that were.
        by_side: Number of loops and of dropped ones by split.
        by_reason: The most common reasons first.
        shift: What that did to the training loops; None where none was dropped.
    """

    decisions: list[Decision]
    by_side: dict[str, tuple[int, int]]
    by_reason: list[Reason]
    shift: Shift | None


def describe_dropped(audit: Audit, loops: Mapping[str, DrumLoop]) -> Dropped:
    """Decisions by split and by reason, and the shift in train."""
    dropped = [decision for decision in audit.decisions if not decision.kept]
    total = Counter(decision.side for decision in audit.decisions)
    gone = Counter(decision.side for decision in dropped)
    names = {decision.loop_id for decision in audit.decisions}
    groups: dict[str, list[str]] = {}
    for decision in dropped:
        groups.setdefault(_generalize(decision.reason, names), []).append(decision.loop_id)
    reasons = [Reason(reason, len(ids), ids[0]) for reason, ids in groups.items()]
    reasons.sort(key=lambda one: (-one.n_loops, one.reason))
    if rest := reasons[_MAX_REASONS:]:
        others = Reason("", sum(one.n_loops for one in rest), rest[0].example)
        reasons = [*reasons[:_MAX_REASONS], others]
    return Dropped(
        dropped,
        {side: (total[side], gone[side]) for side in order_sides(total)},
        reasons,
        _compare_train(audit, loops),
    )


def _generalize(reason: str, names: Collection[str]) -> str:
    """The reason without names and amounts, so that like ones are counted together."""
    reason = re.sub(r"\b\d*\.\d+(e-\d+)?\b", "some distance", reason)
    words = re.sub(r"\b\d+ beats?\b", "some beats", reason).split(" ")
    kept: list[str] = []
    at = 0
    while at < len(words):
        # A name may hold blanks: the longest run of words that is one.
        stops = range(len(words), at, -1)
        stop = next((x for x in stops if " ".join(words[at:x]).rstrip(_MARKS) in names), at)
        last = words[max(stop, at + 1) - 1]
        mark = last[len(last.rstrip(_MARKS)) :]
        kept.append(f"another loop{mark}" if stop > at else words[at])
        at = max(stop, at + 1)
    return " ".join(kept)


def _compare_train(audit: Audit, loops: Mapping[str, DrumLoop]) -> Shift | None:
    """Train before and after, by role, style and length."""
    decisions = [x for x in audit.decisions if x.side == "train" and x.loop_id in loops]
    before = [loops[x.loop_id] for x in decisions]
    after = [loops[x.loop_id] for x in decisions if x.kept]
    if len(after) == len(before) or not after:
        return None
    shares: list[tuple[str, str | int, float, float]] = []
    traits: dict[str, Callable[[DrumLoop], str | int]] = {
        "role": lambda loop: loop.lineage.role,
        "style": lambda loop: loop.lineage.style,
        "length": lambda loop: loop.n_bars,
    }
    for trait, read in traits.items():
        found, left = Counter(map(read, before)), Counter(map(read, after))
        common = sorted(found.items(), key=lambda item: (-item[1], str(item[0])))
        if len(found) > 1:
            shares += [
                (trait, value, number / len(before), left[value] / len(after))
                for value, number in common[:_MAX_VALUES]
            ]
    first, last = (
        sum(x.n_onsets for x in some) / sum(x.n_bars for x in some) for some in (before, after)
    )
    return Shift((len(before), len(after)), (first, last), shares)

"""The exam: which sources are held out, kept from one run to the next.

`data/split/assigned.csv` has a row per source and decision, oldest first, and only grows. A source
that it names keeps its split when the corpus grows, so that models of different days are tested on
the same sources. Other rules of reading, another seed or another corpus begin another exam, whose
rows follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import SIDES, SOURCE_RULE, DrumLoop, Params, make_rng
from trapgen.dataset.learned import find_learned
from trapgen.dataset.split import STICKY_PROTOCOLS, find_components, split_sources

DEALT: Final = "dealt"
PUBLISHED: Final = "stated by its publisher"
LEARNED: Final = "learned by the start model"
RELATED: Final = "related to "

_STAYING: Final = 0.5
"""Least share of an exam's held-out sources that are still in the corpus."""


@dataclass(frozen=True)
class Exam:
    """An exam: the rows of `assigned.csv` that belong to it.

    Attributes:
        name: Hash of the rules, and the number of the exam by these rules if there was another.
        assigned: Split of each source, oldest first.
        moved_from: Split before its last move of each source that moved.
        why: Reason of each source's last row.
    """

    name: str
    assigned: Mapping[str, str]
    moved_from: Mapping[str, str]
    why: Mapping[str, str]


def name_rules(params: Params) -> str:
    """Hash of what makes another exam: the seed, the protocol and the rules of reading."""
    reading = params.standardize
    rules = (
        SOURCE_RULE,
        params.seed,
        params.split.protocol,
        (reading.key_map, reading.meter, reading.by_name, reading.feel),
        # Absent unless given, so that exams keep the names they had before it existed.
        *(["split_markers"] if reading.split_markers else []),
    )
    return hashlib.blake2b(repr(rules).encode(), digest_size=4).hexdigest()


def open_exam(rows: Sequence[Mapping[str, str]], params: Params, sources: Set[str]) -> Exam:
    """The newest exam by the rules in force, or the beginning of another.

    Args:
        rows: Rows of `assigned.csv`.
        params: Seed, protocol and rules of reading.
        sources: Ids of the corpus's sources: with fewer than half of an exam's held-out sources
            among them, the corpus was replaced, and another exam begins.
    """
    rules = name_rules(params)
    names = list(dict.fromkeys(row["exam"] for row in rows))
    ours = [name for name in names if name.partition("-")[0] == rules]
    if ours:
        exam = collect_exam(ours[-1], rows)
        held_out = {source for source, side in exam.assigned.items() if side != SIDES[0]}
        if len(held_out.intersection(sources)) >= _STAYING * len(held_out):
            return exam
    return Exam(f"{rules}-{len(ours) + 1}" if ours else rules, {}, {}, {})


def collect_exam(name: str, rows: Sequence[Mapping[str, str]]) -> Exam:
    """The exam that its rows of `assigned.csv` make."""
    assigned: dict[str, str] = {}
    moved_from: dict[str, str] = {}
    why: dict[str, str] = {}
    for row in rows:
        if row["exam"] == name:
            source = row["source_id"]
            if source in assigned:
                moved_from[source] = assigned[source]
            assigned[source], why[source] = row["side"], row["why"]
    return Exam(name, assigned, moved_from, why)


@dataclass(frozen=True)
class Split:
    """The split of a corpus, as one sitting of its exam.

    Attributes:
        exam: The exam with this sitting.
        sides: Split of each loop.
        components: `(n_loops,)` component of each loop.
        protocol: How the split was made.
        rows: Rows to add to `assigned.csv`: sources that are new, and those that had to move.
    """

    exam: Exam
    sides: Sequence[str]
    components: NDArray[np.int64]
    protocol: str
    rows: Sequence[dict[str, str]]

    def describe(self, loops: Sequence[DrumLoop]) -> list[dict[str, Any]]:
        """A row of `split.parquet` per loop, without the path."""
        described = []
        for loop, side, component in zip(loops, self.sides, self.components.tolist(), strict=True):
            source = min(loop.lineage.source_ids, default="")
            described.append(
                {
                    "loop_id": loop.lineage.loop_id,
                    "role": loop.lineage.role,
                    "side": side,
                    "component": component,
                    "protocol": self.protocol,
                    "exam": self.exam.name,
                    "moved_from": self.exam.moved_from.get(source, ""),
                    "why": self.exam.why.get(source, ""),
                }
            )
        return described

    @property
    def moved(self) -> set[str]:
        """Sources that moved in this sitting."""
        return self.exam.moved_from.keys() & {row["source_id"] for row in self.rows}


def continue_exam(
    loops: Sequence[DrumLoop],
    params: Params,
    rows: Sequence[Mapping[str, str]],
    *,
    groups: Sequence[str] = (),
    published: Sequence[str] = (),
    learned: Sequence[DrumLoop] = (),
) -> Split:
    """Split a corpus so that sources keep the split that they have.

    Args:
        loops: The standardized loops.
        params: Seed, protocol, shares and rules of reading.
        rows: Rows of `assigned.csv`.
        groups: Group of each loop (see `find_components`).
        published: Split of each loop assigned by its publisher.
        learned: Loops that the start model has learned.

    Raises:
        SplitError: A split would have no parts to recombine.
    """
    components = find_components(loops, params.split, groups)
    exam = open_exam(rows, params, {source for loop in loops for source in loop.lineage.source_ids})
    learned_at = find_learned(loops, learned, params.split.near_duplicate_distance)
    sides = split_sources(
        loops,
        params.split,
        make_rng(params.seed, "split"),
        components,
        published,
        assigned=exam.assigned,
        learned=learned_at,
    )
    stated = published if params.split.protocol == "published" else [""] * len(loops)
    added: list[dict[str, str]] = []
    if params.split.protocol in STICKY_PROTOCOLS:
        reasons = _explain(exam, loops, sides, components, stated, learned_at)
        added = _list_changes(exam, loops, sides, reasons)
    return Split(
        collect_exam(exam.name, [*rows, *added]), sides, components, params.split.protocol, added
    )


def _explain(
    exam: Exam,
    loops: Sequence[DrumLoop],
    sides: Sequence[str],
    components: NDArray[np.int64],
    stated: Sequence[str],
    learned_at: Sequence[int],
) -> list[str]:
    """Why each loop has its split: the first reason that holds."""
    age = {source: at for at, source in enumerate(exam.assigned)}
    # Of a component that has its split from earlier, the oldest source with that split.
    oldest: dict[int, str] = {}
    for loop, side, component in zip(loops, sides, components.tolist(), strict=True):
        for source in loop.lineage.source_ids:
            if exam.assigned.get(source) == side:
                oldest[component] = min(source, oldest.get(component, source), key=age.__getitem__)
    has_learned = {int(components[at]) for at in learned_at}
    reasons = []
    for component, own in zip(components.tolist(), stated, strict=True):
        if own:
            reasons.append(PUBLISHED)
        elif component in has_learned:
            reasons.append(LEARNED)
        else:
            known = component in oldest
            reasons.append(f"{RELATED}{oldest[component]}" if known else DEALT)
    return reasons


def _list_changes(
    exam: Exam, loops: Sequence[DrumLoop], sides: Sequence[str], reasons: Sequence[str]
) -> list[dict[str, str]]:
    """Rows of sources whose split is new or another."""
    rows: dict[str, dict[str, str]] = {}
    for loop, side, why in zip(loops, sides, reasons, strict=True):
        for source in loop.lineage.source_ids:
            # A publisher may have put one source in two splits.
            if source not in rows or SIDES.index(side) < SIDES.index(rows[source]["side"]):
                rows[source] = {"exam": exam.name, "source_id": source, "side": side, "why": why}
    return [row for source, row in rows.items() if exam.assigned.get(source) != row["side"]]

"""Families of loops: what shared sources, or near-duplicates, connect within and across splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trapgen.audit import Audit, Overlap
from trapgen.core import DrumLoop
from trapgen.report.page import order_sides
from trapgen.similarity import connect

_MAX_DRAWN: Final = 6
"""Families drawn one by one; the others are drawn as one."""

_HEIGHT, _SLOT, _GAP = 300, 44, 8


@dataclass(frozen=True, slots=True)
class Family:
    """Loops that a source in common, or a near-duplicate, connects.

    Attributes:
        n_loops: Loops by split.
        n_sources: Sources that went into them.
        source: The source that most of the loops hold, named after the parent that brought it.
        n_uses: Loops that hold it.
        n_families: Families that this one stands for: all of them span splits, or none does.
        spans: Whether the loops of a family belong to more than one split.
    """

    n_loops: Mapping[str, int]
    n_sources: int
    spans: bool
    source: str = ""
    n_uses: int = 0
    n_families: int = 1

    @property
    def size(self) -> int:
        """Number of loops."""
        return sum(self.n_loops.values())


def find_families(audit: Audit, loops: Mapping[str, DrumLoop]) -> list[Family]:
    """The families, those that span splits first, then by size.

    A loop's split is the one that its decision names; loops without a decision are left out.
    """
    sides = {made.loop_id: made.side for made in audit.decisions if made.loop_id in loops}
    at = {name: number for number, name in enumerate(sides)}
    first: dict[str, int] = {}
    links = [
        (first.setdefault(source, number), number)
        for name, number in at.items()
        for source in loops[name].lineage.source_ids
    ]
    links += [
        (at[pair.train_loop], at[pair.other_loop])
        for pair in _near_duplicates(audit)
        if pair.train_loop in at and pair.other_loop in at
    ]
    members: dict[int, list[str]] = {}
    for name, root in zip(sides, connect(len(at), links).tolist(), strict=True):
        members.setdefault(root, []).append(name)
    families = [_describe_family(names, sides, loops) for names in members.values()]
    # Sorting is stable: families of one size stay in the order of their first loops.
    return sorted(families, key=lambda family: (not family.spans, -family.size))


def _near_duplicates(audit: Audit) -> list[Overlap]:
    """The pairs of whole loops within the distance that the gate refuses; the listed ones."""
    whole = [pair for pair in audit.pairs if pair.kind in ("exact_loop", "near_loop")]
    return sorted(whole, key=lambda pair: pair.distance)[: audit.near_duplicate_pairs]


def _describe_family(
    names: Sequence[str], sides: Mapping[str, str], loops: Mapping[str, DrumLoop]
) -> Family:
    lineages = [loops[name].lineage for name in names]
    sources = Counter(source for lineage in lineages for source in lineage.source_ids)
    source, n_uses = sources.most_common(1)[0] if sources else ("", 0)
    # An original is its own parent.
    parents = Counter(
        parent
        for lineage in lineages
        if source in lineage.source_ids
        for parent in lineage.parents or (lineage.loop_id,)
    )
    parent, n_children = parents.most_common(1)[0] if parents else ("", 0)
    n_loops = Counter(sides[name] for name in names)
    return Family(
        n_loops=dict(n_loops),
        n_sources=len(sources),
        spans=len(n_loops) > 1,
        # A source's id is a hash: a parent that all of its loops have says more.
        source=parent if n_children == n_uses else source,
        n_uses=n_uses,
    )


@dataclass(frozen=True, slots=True)
class FamilyNode:
    """A family in the picture: its number, and its top and height in pixels."""

    family: Family
    number: int
    top: float
    height: float

    @property
    def loops(self) -> list[tuple[str, int]]:
        """Number of loops by split, in the splits' order."""
        return [(side, self.family.n_loops[side]) for side in order_sides(self.family.n_loops)]


@dataclass(frozen=True, slots=True)
class SideNode:
    """A split in the picture: its top and height in pixels."""

    side: str
    n_loops: int
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """Loops of one family in one split.

    Attributes:
        start: Top of the band at the family, in pixels.
        end: Top of the band at the split.
        width: Its width throughout.
        spans: Whether the family spans splits.
    """

    start: float
    end: float
    width: float
    spans: bool

    @property
    def path(self) -> str:
        """The outline, in a box that is 100 wide."""
        start, end, low, deep = (
            f"{y:.1f}"
            for y in (self.start, self.end, self.start + self.width, self.end + self.width)
        )
        upper = f"M0 {start}C50 {start} 50 {end} 100 {end}"
        return f"{upper}V{deep}C50 {deep} 50 {low} 0 {low}z"


@dataclass(frozen=True, slots=True)
class Picture:
    """Families on the left, splits on the right, bands between them as wide as their loops."""

    families: Sequence[FamilyNode]
    sides: Sequence[SideNode]
    bands: Sequence[Band]
    height: int


def lay_out(families: Sequence[Family]) -> Picture:
    """Where families, splits and bands lie in the picture; small families are drawn as one."""
    families = _merge(families)
    sides = order_sides({side for family in families for side in family.n_loops})
    n_loops = [sum(family.n_loops.get(side, 0) for family in families) for side in sides]
    scale = _HEIGHT / sum(n_loops)
    left, left_end = _stack(family.size * scale for family in families)
    right, right_end = _stack(number * scale for number in n_loops)
    filled = dict(zip(sides, right, strict=True))
    bands = []
    for family, start in zip(families, left, strict=True):
        for side in sides:
            if width := family.n_loops.get(side, 0) * scale:
                bands.append(Band(start, filled[side], width, family.spans))
                start, filled[side] = start + width, filled[side] + width
    return Picture(
        [
            FamilyNode(family, number, top, max(family.size * scale, 2))
            for number, (family, top) in enumerate(zip(families, left, strict=True), start=1)
        ],
        [
            SideNode(side, number, top, max(number * scale, 2))
            for side, top, number in zip(sides, right, n_loops, strict=True)
        ],
        bands,
        max(left_end, right_end),
    )


def _merge(families: Sequence[Family]) -> list[Family]:
    """The families to draw: the first ones, and the others as two, spanning and not."""
    drawn = list(families[:_MAX_DRAWN])
    for spans in (True, False):
        rest = [family for family in families[_MAX_DRAWN:] if family.spans is spans]
        if len(rest) == 1:
            drawn += rest
        elif rest:
            n_loops: Counter[str] = Counter()
            for family in rest:
                n_loops.update(family.n_loops)
            n_sources = sum(family.n_sources for family in rest)
            drawn.append(Family(dict(n_loops), n_sources, spans, n_families=len(rest)))
    return sorted(drawn, key=lambda family: family.n_families > 1)


def _stack(heights: Iterable[float]) -> tuple[list[float], int]:
    """Tops of nodes one under another, with room for two lines of type each, and their end."""
    tops: list[float] = []
    top = 0.0
    for height in heights:
        tops.append(round(top, 1))
        top += max(height, _SLOT) + _GAP
    return tops, round(top)

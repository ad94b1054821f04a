"""Where loops come from: the files behind each split, and what connects loops across splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from trapgen.audit import Audit, Overlap
from trapgen.core import DrumLoop
from trapgen.report.page import order_sides
from trapgen.similarity import connect

_MAX_DRAWN: Final = 7
"""Packs drawn one by one; the others are drawn as one."""

_MOST_USED: Final = 4
"""Sources named for each split."""

_HEIGHT, _SLOT, _GAP = 300, 44, 8


class SourceFile(NamedTuple):
    """The file that a source was read from: its pack, and its path among the packs."""

    pack: str
    path: str


@dataclass(frozen=True, slots=True)
class Source:
    """A source that loops rest on.

    Attributes:
        name: Path of its file; its id, if that is not known.
        pack: Its pack; empty if that is not known.
        n_loops: Loops that hold it, by split.
    """

    name: str
    pack: str
    n_loops: Mapping[str, int]

    @property
    def crosses(self) -> bool:
        """Whether loops of more than one split hold it."""
        return len(self.n_loops) > 1


@dataclass(frozen=True, slots=True)
class Pack:
    """The sources of a pack, and the loops that rest on them.

    Attributes:
        name: Its name; empty if that is not known.
        sources: Its sources, also those on which loops of several splits rest.
        n_loops: Loops that hold one of them, by split.
        n_packs: Packs that this one stands for.
    """

    name: str
    sources: Sequence[Source]
    n_loops: Mapping[str, int]
    n_packs: int = 1

    @property
    def n_crossing(self) -> int:
        """Sources in more than one split."""
        return sum(source.crosses for source in self.sources)

    def count(self, side: str, *, crossing: bool | None = None) -> int:
        """Sources in a split: all, or only those that are, or are not, in another one, too."""
        return sum(
            side in source.n_loops and crossing in (None, source.crosses) for source in self.sources
        )


@dataclass(frozen=True, slots=True)
class Origins:
    """What the loops of all splits rest on.

    Attributes:
        sides: The splits, in their order.
        packs: By name; those with sources in more than one split first.
        families: Loops by split of each set of loops that a source in common, or a near-duplicate,
            connects; the largest first.
    """

    sides: Sequence[str]
    packs: Sequence[Pack]
    families: Sequence[Mapping[str, int]]

    @property
    def crossing(self) -> list[Source]:
        """Sources in more than one split, the most used first."""
        found = [source for pack in self.packs for source in pack.sources if source.crosses]
        return sorted(found, key=lambda source: -sum(source.n_loops.values()))

    @property
    def most_used(self) -> list[tuple[str, Source]]:
        """The most used sources of each split, with the split."""
        sources = [source for pack in self.packs for source in pack.sources]
        return [
            (side, source)
            for side in self.sides
            for source in sorted(sources, key=lambda source: -source.n_loops.get(side, 0))[
                :_MOST_USED
            ]
            if side in source.n_loops
        ]

    @property
    def spanning(self) -> list[Mapping[str, int]]:
        """Families with loops of more than one split."""
        return [family for family in self.families if len(family) > 1]


def trace_origins(
    audit: Audit, loops: Mapping[str, DrumLoop], files: Mapping[str, SourceFile]
) -> Origins:
    """What the loops rest on, by pack, source and split.

    A loop's split is the one that its decision names; loops without a decision are left out.

    Args:
        audit: What was found.
        loops: The audited loops by loop id.
        files: The files of sources, by their ids; an original that is itself among the loops names
            its source, if it is not there.
    """
    sides = {made.loop_id: made.side for made in audit.decisions if made.loop_id in loops}
    known = {**_name_originals(loops[name] for name in sides), **files}
    by_source: dict[str, Counter[str]] = {}
    by_pack: dict[str, Counter[str]] = {}
    for name, side in sides.items():
        source_ids = loops[name].lineage.source_ids
        for source in source_ids:
            by_source.setdefault(source, Counter())[side] += 1
        for pack in {known[source].pack if source in known else "" for source in source_ids}:
            by_pack.setdefault(pack, Counter())[side] += 1
    of_pack: dict[str, list[Source]] = {}
    for source, n_loops in sorted(by_source.items()):
        pack, path = known.get(source, ("", source))
        of_pack.setdefault(pack, []).append(Source(path, pack, n_loops))
    packs = [Pack(name, sources, by_pack[name]) for name, sources in sorted(of_pack.items())]
    return Origins(
        order_sides(set(sides.values())),
        sorted(packs, key=lambda pack: not pack.n_crossing),
        _find_families(audit, loops, sides),
    )


def _name_originals(loops: Iterable[DrumLoop]) -> dict[str, SourceFile]:
    """The sources of loops that were not made of others, under the loops' own names."""
    return {
        loop.lineage.source_ids[0]: SourceFile(loop.lineage.pack, loop.lineage.loop_id)
        for loop in loops
        if len(loop.lineage.source_ids) == 1 and not loop.lineage.parents
    }


def _find_families(
    audit: Audit, loops: Mapping[str, DrumLoop], sides: Mapping[str, str]
) -> list[Mapping[str, int]]:
    """Loops by split of each family, the largest first."""
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
    families: dict[int, Counter[str]] = {}
    for side, root in zip(sides.values(), connect(len(at), links).tolist(), strict=True):
        families.setdefault(root, Counter())[side] += 1
    return sorted(families.values(), key=lambda family: -sum(family.values()))


def _near_duplicates(audit: Audit) -> list[Overlap]:
    """The pairs of whole loops within the distance that the gate refuses; the listed ones."""
    whole = [pair for pair in audit.pairs if pair.kind in ("exact_loop", "near_loop")]
    return sorted(whole, key=lambda pair: pair.distance)[: audit.near_duplicate_pairs]


@dataclass(frozen=True, slots=True)
class PackNode:
    """A pack in the picture: its top and height in pixels."""

    pack: Pack
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class SideNode:
    """A split in the picture: its sources, its top and height in pixels."""

    side: str
    n_sources: int
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """Sources of one pack in one split.

    Attributes:
        start: Top of the band at the pack, in pixels.
        end: Top of the band at the split.
        width: Its width throughout.
        crosses: Whether the sources are in another split, too.
    """

    start: float
    end: float
    width: float
    crosses: bool

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
    """Packs on the left, splits on the right, bands between them as wide as their sources."""

    packs: Sequence[PackNode]
    sides: Sequence[SideNode]
    bands: Sequence[Band]
    height: int


def lay_out(origins: Origins) -> Picture:
    """Where packs, splits and bands lie in the picture; from the eighth pack on, they are one."""
    packs = _merge(origins.packs)
    # A source in two splits has a band to each.
    widths = [sum(pack.count(side) for side in origins.sides) for pack in packs]
    n_sources = [sum(pack.count(side) for pack in packs) for side in origins.sides]
    scale = _HEIGHT / sum(widths)
    left, left_end = _stack(width * scale for width in widths)
    right, right_end = _stack(number * scale for number in n_sources)
    filled = dict(zip(origins.sides, right, strict=True))
    bands = []
    for pack, start in zip(packs, left, strict=True):
        for side in origins.sides:
            for crosses in (True, False):
                if width := pack.count(side, crossing=crosses) * scale:
                    bands.append(Band(start, filled[side], width, crosses))
                    start, filled[side] = start + width, filled[side] + width
    return Picture(
        [
            PackNode(pack, top, max(width * scale, 2))
            for pack, top, width in zip(packs, left, widths, strict=True)
        ],
        [
            SideNode(side, number, top, max(number * scale, 2))
            for side, top, number in zip(origins.sides, right, n_sources, strict=True)
        ],
        bands,
        max(left_end, right_end),
    )


def _merge(packs: Sequence[Pack]) -> list[Pack]:
    """The packs to draw: the first ones, and the others as one."""
    drawn, rest = list(packs[:_MAX_DRAWN]), packs[_MAX_DRAWN:]
    if len(rest) > 1:
        sources = [source for pack in rest for source in pack.sources]
        rest = [Pack("", sources, {}, n_packs=len(rest))]
    return [*drawn, *rest]


def _stack(heights: Iterable[float]) -> tuple[list[float], int]:
    """Tops of nodes one under another, with room for two lines of type each, and their end."""
    tops: list[float] = []
    top = 0.0
    for height in heights:
        tops.append(round(top, 1))
        top += max(height, _SLOT) + _GAP
    return tops, round(top)

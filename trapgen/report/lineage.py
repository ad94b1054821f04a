"""Where the loops come from: sources on the left, sides on the right, and what ties two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trapgen.audit import Audit, Overlap
from trapgen.core import DrumLoop
from trapgen.report.page import Html, count, join, order_sides, percent, section, table, tag
from trapgen.similarity import connect

_MAX_DRAWN: Final = 6
"""Families drawn one by one; the others are drawn as one."""

_MAX_LISTED: Final = 12
_HEIGHT, _SLOT, _GAP = 300, 44, 8
_NODE: Final = 10


@dataclass(frozen=True, slots=True)
class Family:
    """Loops that hang together: by a source in common, or as near-duplicates.

    Attributes:
        n_loops: Loops by side.
        n_sources: Sources that went into them.
        source: The source that most of the loops hold, named after the parent that brought it.
        n_uses: Loops that hold it.
        n_families: Families that this one stands for: all of them span sides, or none does.
        spans: Whether the loops of a family stand on more than one side.
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
    """The families, those that span sides first, then by size.

    A loop's side is the one that its decision names; loops without a decision are left out.
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


def lineage_section(audit: Audit, loops: Mapping[str, DrumLoop]) -> Html:
    """The picture, what it says in words, and the largest families as a table."""
    title = "Where the loops come from"
    families = find_families(audit, loops)
    if not families:
        return section("lineage", title, tag("p", "The lineage of the loops is not known."))
    return section(
        "lineage",
        title,
        tag("p", _describe(families)),
        *([tag("p", parts)] if (parts := describe_parts(audit)) else []),
        _draw(_merge(families)),
        _list(families),
    )


def describe_parts(audit: Audit) -> str:
    """How many loops there are, and of how many different parts; empty where it is not known."""
    parts = {voice: number for voice, number in audit.effective_parts.items() if number >= 0.5}
    if not parts:
        return ""
    voices = ", ".join(f"{number:.0f} {voice.replace('_', ' ')}" for voice, number in parts.items())
    total = count(sum(audit.n_loops.values()), "loop")
    return f"{total}, made of about {sum(parts.values()):.0f} different parts: {voices}."


def _describe(families: Sequence[Family]) -> Html:
    total = sum(family.size for family in families)
    largest = max(families, key=lambda family: family.size)
    spanning = [family for family in families if family.spans]
    words = (
        "Loops with a source in common, and near-duplicates, hang together as a family. "
        f"The {total:,} loops fall into {_count_families(len(families))}; the largest holds "
        f"{percent(largest.size / total)} of them. "
    )
    if not spanning:
        return join([words, tag("strong", "No family stands on more than one side.")])
    share = percent(sum(family.size for family in spanning) / total)
    stand = "stands" if len(spanning) == 1 else "stand"
    return join(
        [
            words,
            tag(
                "strong",
                f"{_count_families(len(spanning))} {stand} on more than one side, with {share} of "
                "all loops: what is learned from one side is heard again on the other.",
            ),
        ]
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


def _draw(families: Sequence[Family]) -> Html:
    """Families on the left, sides on the right, bands between them as wide as their loops.

    Bands of what stands on several sides are orange. Heights are pixels, widths shares of the
    page's: type keeps its size on a narrow screen.
    """
    sides = order_sides({side for family in families for side in family.n_loops})
    n_loops = [sum(family.n_loops.get(side, 0) for family in families) for side in sides]
    scale = _HEIGHT / sum(n_loops)
    left, left_end = _stack([family.size * scale for family in families])
    right, right_end = _stack([number * scale for number in n_loops])
    height = max(left_end, right_end)
    bands: list[Html] = []
    drawn: list[Html] = []
    filled = dict(zip(sides, right, strict=True))
    for number, (family, top) in enumerate(zip(families, left, strict=True), start=1):
        color = "vermilion" if family.spans else "blue"
        start = top
        for side in sides:
            width = family.n_loops.get(side, 0) * scale
            if width:
                bands.append(_draw_band(start, filled[side], width, color))
                start, filled[side] = start + width, filled[side] + width
        drawn += _draw_node(top, family.size * scale, color, _name(family, number), left=True)
    for side, top, number in zip(sides, right, n_loops, strict=True):
        words = (side.capitalize(), count(number, "loop"))
        drawn += _draw_node(top, number * scale, "ink", words, left=False)
    ribbons = tag(
        "svg", *bands, viewBox=f"0 0 100 {height}", height=height, preserveAspectRatio="none"
    )
    label = "; ".join(
        f"{' '.join(_name(family, number))}: "
        + ", ".join(f"{family.n_loops[side]:,} in {side}" for side in order_sides(family.n_loops))
        for number, family in enumerate(families, start=1)
    )
    return tag(
        "figure",
        tag(
            "svg",
            ribbons,
            *drawn,
            class_="chart lineage",
            height=height,
            role="img",
            aria_label=f"Families of loops and the sides they stand on: {label}",
        ),
        tag(
            "figcaption",
            "Left: families of loops. Right: the sides. A band is as wide as the loops in it; "
            "orange ones belong to a family that stands on more than one side.",
        ),
    )


def _name(family: Family, number: int) -> tuple[str, str]:
    made = f"{count(family.n_sources, 'source')}, {count(family.size, 'loop')}"
    if family.n_families > 1:
        return f"{family.n_families:,} more{' that span sides' if family.spans else ''}", made
    return f"Family {number}{', spans sides' if family.spans else ''}", made


def _stack(heights: Sequence[float]) -> tuple[list[float], int]:
    """Tops of nodes one under another, with room for two lines of type each, and their end."""
    tops: list[float] = []
    top = 0.0
    for height in heights:
        tops.append(round(top, 1))
        top += max(height, _SLOT) + _GAP
    return tops, round(top)


def _draw_band(start: float, end: float, width: float, color: str) -> Html:
    """From `start` on the left to `end` on the right, `width` wide throughout."""
    upper = f"M0 {start:.1f}C50 {start:.1f} 50 {end:.1f} 100 {end:.1f}"
    low, deep = start + width, end + width
    return tag(
        "path",
        d=f"{upper}V{deep:.1f}C50 {deep:.1f} 50 {low:.1f} 0 {low:.1f}z",
        class_=f"{color} band",
    )


def _draw_node(
    top: float, height: float, color: str, words: tuple[str, str], *, left: bool
) -> list[Html]:
    x, anchor, inward = ("0", "start", 1) if left else ("100%", "end", -1)
    place = {"x": x, "dx": inward * (_NODE + 6), "text_anchor": anchor}
    shift = None if left else f"translate(-{_NODE})"
    block = tag(
        "rect",
        x=x,
        y=top,
        width=_NODE,
        height=f"{max(height, 2):.1f}",
        class_=color,
        transform=shift,
    )
    return [
        block,
        tag("text", words[0], y=top + 14, class_="strong", **place),
        tag("text", words[1], y=top + 31, **place),
    ]


def _list(families: Sequence[Family]) -> Html:
    listed = families[:_MAX_LISTED]
    sides = order_sides({side for family in families for side in family.n_loops})
    rows = [
        (
            join([f"Family {number}", tag("small", "spans sides") if family.spans else ""]),
            f"{family.n_sources:,}",
            *(f"{family.n_loops.get(side, 0):,}" for side in sides),
            join(
                [tag("span", family.source, class_="name"), f" in {count(family.n_uses, 'loop')}"]
            ),
        )
        for number, family in enumerate(listed, start=1)
    ]
    head = ("Family", "Sources", *(side.capitalize() for side in sides), "Most used source")
    rest = len(families) - len(listed)
    caption = f"The first {len(listed)} of {len(families):,} families" if rest else "All families"
    return table(head, rows, caption=f"{caption}, those that span sides first")


def _count_families(number: int) -> str:
    return f"{number:,} {'family' if number == 1 else 'families'}"

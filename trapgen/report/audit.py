"""The audit as a page: the verdict first, then what it rests on, then the pairs to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isnan
from pathlib import Path
from typing import Final

from trapgen.audit import Audit, Chance, Overlap
from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop
from trapgen.params import SIDES
from trapgen.report.grid import align, describe_differences, draw_legend, draw_pair
from trapgen.report.page import (
    Html,
    bar,
    count,
    facts,
    join,
    percent,
    section,
    sentence,
    table,
    tag,
    tiles,
    verdict,
    write_page,
)

_MAX_DRAWN: Final = 30
_MAX_DROPPED: Final = 12
_OPEN: Final = 2
"""Pairs of each kind that are unfolded from the start."""

_PROTOCOLS: Final = {
    "by_source": "Sources were dealt to the sides first, near-duplicates together, and loops were "
    "recombined afterwards, within one side at a time. Done so, no loop has a parent in common "
    "with another side.",
    "by_file": "Loops were recombined first and dealt to the sides at random afterwards. Children "
    "of the same sources can fall on both sides, and then held-out loops are not new to the model.",
    "random_windows": "Loops were recombined first, cut into bars, and the bars dealt to the sides "
    "at random. Bars of one loop, and children of the same sources, can fall on both sides.",
    "as given": "The sides were audited as they were found; how they were made is not known here.",
}
_KINDS: Final = {
    "exact_loop": ("The same loop on both sides", "Every hit is the same."),
    "near_loop": ("Nearly the same loop", "Only a few hits differ."),
    "shared_source": (
        "Different loops made of a common source",
        "They may sound unlike each other, but a part of one was seen while training.",
    ),
}
_LEAKS: Final = {
    "exact": "the loop as it is",
    "rotated": "it starts on another beat",
    "repeated": "it is twice as long",
    "retempoed": "another tempo",
    "revelocitied": "other velocities",
    "one hit less": "one hit taken away",
}
_TERMS: Final = (
    (
        "Source",
        "A loop as it was found in a pack, known by its hits alone: the same pattern at another "
        "tempo or loudness is the same source. Recombined loops carry all their sources.",
    ),
    (
        "Effective sources",
        "How many equally used sources would be as varied as these: the inverse Simpson index. "
        "600 loops made of ten kicks are worth about ten kicks.",
    ),
    (
        "Exact bar overlap",
        "The share of the held-out bars that stand in train hit for hit; silent bars do not count.",
    ),
    (
        "Chance",
        "Short patterns meet by accident. The same measure, taken again over splits that are "
        "independent by construction, says how much of that is normal.",
    ),
    (
        "Distance",
        "Of all the hits of two loops, the share that only one of them has, under the best "
        "rotation by whole beats: 0 is the same loop, 1 has no hit in common (Jaccard distance).",
    ),
    (
        "Self-test",
        "Copies of training loops are planted among the held-out ones, some of them disguised. An "
        "audit that does not find them says nothing, and the gate refuses.",
    ),
)


def write_audit_report(
    path: Path, audit: Audit, loops: Mapping[str, DrumLoop], *, data_docs: str = ""
) -> None:
    """Write the audit as one page that needs nothing but itself.

    Args:
        path: The HTML file; its folder is made.
        audit: What was found.
        loops: The audited loops of all sides by loop id.
        data_docs: Address of the checks row by row, relative to the page; empty for none.

    Raises:
        ParameterError: A pair names a loop that is not among `loops`.
    """
    sections = [
        ("overlap", "Overlap", _overlap_section(audit)),
        ("sides", "Sides", _sides_section(audit)),
        ("self-test", "Self-test", _self_test_section(audit)),
        ("pairs", "Pairs", _pairs_section(audit, loops)),
        ("duplicates", "Duplicates", _duplicates_section(audit)),
        ("reading", "How to read this page", _reading_section(data_docs)),
    ]
    write_page(path, "Overlap audit", _top(audit), sections)


def _top(audit: Audit) -> Html:
    passes = audit.gate == "pass"
    if passes:
        headline = "The held-out loops are new to the model"
        words = [
            tag(
                "p",
                "Nothing but chance links them to the training loops: figures measured on them say "
                "how the model does on drums that it has never heard.",
            )
        ]
    else:
        headline = "Do not trust figures measured on these held-out loops"
        reasons = (tag("li", sentence(reason)) for reason in audit.reasons)
        words = [tag("ul", *reasons), *_advise(audit)]
    found = audit.self_test
    chance = audit.chance
    interval = f"chance: {percent(chance.low)} to {percent(chance.high)}"
    listed = audit.count(*audit.n_pairs)
    figures = [
        (
            percent(audit.exact_bar_overlap),
            f"of held-out bars stand in train; {interval if chance.replicates else 'chance unknown'}",
        ),
        (f"{listed:,}", "pairs of loops across sides are the same, nearly, or related"),
        (
            f"{audit.effective_sources.get('train', 0):.0f}",
            f"effective sources behind {count(audit.n_loops.get('train', 0), 'training loop')}",
        ),
        (f"{found['found']} of {found['injected']}", "planted leaks found by the self-test"),
    ]
    word = "PASS" if passes else "REFUSE"
    return join([verdict(word, headline, *words, passes=passes), tiles(figures)])


def _advise(audit: Audit) -> list[Html]:
    """What helps against the reasons that have one remedy."""
    advice = []
    if audit.count("shared_source"):
        advice.append("split sources before recombining them (split.protocol: by_source)")
    elif audit.count("exact_loop", "near_loop"):
        advice.append("keep the loops of every pair below on one side, or drop one of the two")
    if not audit.chance.replicates:
        advice.append("add loops that do not depend on each other")
    return [tag("p", tag("strong", "What helps: "), sentence("; ".join(advice)))] if advice else []


def _overlap_section(audit: Audit) -> Html:
    chance = audit.chance
    if chance.replicates:
        words = (
            f"Independent sides share {percent(chance.mean)} of their bars on average; 95% of "
            f"{chance.replicates} draws lie between {percent(chance.low)} and "
            f"{percent(chance.high)}. How the draws were made: {chance.method}."
        )
    else:
        words = f"How much independent sides would share is {chance.method}."
    rows = {"All held-out bars": audit.exact_bar_overlap}
    by_side = audit.exact_bar_overlap_by_side
    rows |= {side.capitalize(): by_side[side] for side in _order(by_side)}
    return section(
        "overlap",
        "Bars that stand on both sides",
        tag(
            "p",
            f"{percent(audit.exact_bar_overlap)} of the held-out bars also stand in train, "
            f"hit for hit. {words}",
        ),
        tag("figure", _draw_shares(rows, chance)),
    )


def _draw_shares(rows: Mapping[str, float], chance: Chance) -> Html:
    """The shares as points on one axis, over the interval that chance gives."""
    reach = min(1.0, max(1.2 * max(*rows.values(), chance.high), 0.01))
    known, pitch, top = bool(chance.replicates), 42, 8

    def at(share: float) -> str:
        return f"{100 * share / reach:.2f}%"

    bottom = top + pitch * len(rows)
    drawn: list[object] = []
    if known:
        # An interval of no width is drawn as a line.
        width = max(100 * (chance.high - chance.low) / reach, 0.4)
        drawn += [
            tag(
                "rect",
                x=at(chance.low),
                y=top,
                width=f"{width:.2f}%",
                height=bottom - top,
                class_="shade",
                opacity=0.55,
            ),
            tag("line", x1=at(chance.mean), x2=at(chance.mean), y1=top, y2=bottom, class_="mean"),
        ]
    for number, (name, share) in enumerate(rows.items()):
        y = top + pitch * number
        over = known and share > chance.high
        drawn += [
            tag("line", x1=0, x2="100%", y1=y + 30, y2=y + 30, class_="axis"),
            tag("circle", cx=at(share), cy=y + 30, r=6, class_="vermilion" if over else "blue"),
            tag("text", f"{name}: {percent(share)}", x=0, y=y + 16),
        ]
    end = f"{percent(reach)} of bars"
    drawn += [
        tag("text", "0%", x=0, y=bottom + 18, class_="quiet"),
        tag("text", end, x="100%", y=bottom + 18, text_anchor="end", class_="quiet"),
    ]
    words = ", ".join(f"{name} {percent(share)}" for name, share in rows.items())
    interval = f" Chance: {percent(chance.low)} to {percent(chance.high)}." if known else ""
    band = "The band is what chance gives, the line in it its mean." if known else ""
    return join(
        [
            tag(
                "svg",
                *drawn,
                class_="chart",
                height=bottom + 26,
                role="img",
                aria_label=f"Share of bars that stand in train: {words}.{interval}",
            ),
            tag("figcaption", band),
        ]
    )


def _sides_section(audit: Audit) -> Html:
    words = _PROTOCOLS.get(audit.protocol, _PROTOCOLS["as given"])
    rows = [
        (
            side,
            f"{audit.n_loops[side]:,}",
            f"{audit.n_sources[side]:,}",
            f"{audit.effective_sources[side]:.1f}",
            percent(by_side)
            if (by_side := audit.exact_bar_overlap_by_side.get(side)) is not None
            else "–",
        )
        for side in _order(audit.n_loops)
    ]
    return section(
        "sides",
        "How the sides were made",
        tag("p", tag("strong", audit.protocol.replace("_", " ").capitalize(), ". "), words),
        table(
            ("Side", "Loops", "Sources", "Effective sources", "Bars also in train"),
            rows,
            caption="What each side holds",
        ),
    )


def _self_test_section(audit: Audit) -> Html:
    test = audit.self_test
    recall: Mapping[str, float] = test["recall"]
    if not recall:
        return section(
            "self-test",
            "Does this audit find leaks?",
            tag("p", "Not known: no training loop has enough hits to be recognized by."),
        )
    rows = [
        (
            join([kind, tag("small", _LEAKS[kind])]) if kind in _LEAKS else kind,
            join([percent(share), bar(share, "blue")]),
        )
        for kind, share in recall.items()
    ]
    alarms = test["false_alarms"]
    false = "No pair" if not alarms else f"{percent(alarms).capitalize()} of the pairs"
    return section(
        "self-test",
        "Does this audit find leaks?",
        tag(
            "p",
            f"{count(test['injected'], 'copy').replace('copys', 'copies')} of training loops "
            f"were planted among the held-out ones, and {test['found']} of them found. {false} of "
            "loops without a common source was reported.",
        ),
        table(("Disguise", "Found"), rows, caption="Planted copies by disguise"),
    )


def _pairs_section(audit: Audit, loops: Mapping[str, DrumLoop]) -> Html:
    title = "Pairs across sides"
    kinds = [kind for kind in audit.n_pairs if audit.n_pairs[kind]]
    if not kinds:
        words = "None: no held-out loop is near a training loop, and none shares a source with one."
        return section("pairs", title, tag("p", words))
    content: list[object] = [draw_legend()]
    for kind in kinds:
        name, words = _KINDS.get(kind, (kind.replace("_", " ").capitalize(), ""))
        total = audit.n_pairs[kind]
        chosen = _choose([x for x in audit.pairs if x.kind == kind], _MAX_DRAWN // len(kinds))
        rest = (
            ""
            if len(chosen) == total
            else (f" {len(chosen)} are drawn, each loop once; overlap.parquet lists them.")
        )
        content += [
            tag("h3", f"{name}: {count(total, 'pair')}"),
            tag("p", f"{words}{rest}"),
            *_draw_pairs(chosen, loops),
        ]
    return section("pairs", title, *content)


def _choose(pairs: Sequence[Overlap], most: int) -> list[Overlap]:
    """The nearest pairs; those that show new loops before those that show a loop again."""
    ranked = sorted(pairs, key=lambda pair: inf if isnan(pair.distance) else pair.distance)
    fresh, again = [], []
    seen: set[str] = set()
    for pair in ranked:
        (again if seen & {pair.train_loop, pair.other_loop} else fresh).append(pair)
        seen |= {pair.train_loop, pair.other_loop}
    return [*fresh, *again][:most]


def _draw_pairs(pairs: Iterable[Overlap], loops: Mapping[str, DrumLoop]) -> list[Html]:
    """A box a pair, the nearest first."""
    drawn = []
    for pair in pairs:
        for name in (pair.train_loop, pair.other_loop):
            if name not in loops:
                raise ParameterError("loops", "every loop of the audit by its id", name)
        train, other = loops[pair.train_loop], loops[pair.other_loop]
        ours, theirs, match = align(train, other)
        sources = sorted(set(train.lineage.source_ids) & set(other.lineage.source_ids))
        parents = sorted(set(train.lineage.parents) & set(other.lineage.parents))
        length = f"repeated to {count(ours.n_bars, 'bar')}"
        moves = [
            f"the held-out loop rotated by {count(match.rotation_beats, 'beat')}"
            if match.rotation_beats
            else "",
            f"the training loop {length}" if train.n_bars < ours.n_bars else "",
            f"the held-out loop {length}" if other.n_bars < ours.n_bars else "",
        ]
        rows: list[tuple[str, object]] = [
            ("In train", tag("span", pair.train_loop, class_="name")),
            (f"In {pair.side}", tag("span", pair.other_loop, class_="name")),
            ("What differs", describe_differences(ours, theirs)),
            ("Laid over each other", ", ".join(filter(None, moves)) or "as they are"),
            ("Shared sources", ", ".join(sources) or "none"),
            ("Shared parents", ", ".join(parents) or "none"),
        ]
        drawn.append((match.distance, pair, join([facts(rows), draw_pair(ours, theirs)])))
    drawn.sort(key=lambda item: item[0])
    return [
        tag(
            "details",
            tag(
                "summary",
                tag("span", f"{distance:.2f} apart", class_="distance"),
                f" {pair.train_loop} | {pair.other_loop}",
            ),
            tag("div", content, class_="body"),
            open=number < _OPEN,
        )
        for number, (distance, pair, content) in enumerate(drawn)
    ]


def _duplicates_section(audit: Audit) -> Html:
    dropped = [decision for decision in audit.decisions if not decision.kept]
    title = "Duplicates within a side"
    if not dropped:
        words = "No side holds the same loop twice: every loop goes on to training and testing."
        return section("duplicates", title, tag("p", words))
    total = Counter(decision.side for decision in audit.decisions)
    gone = Counter(decision.side for decision in dropped)
    rows = [
        (side, f"{total[side]:,}", f"{gone[side]:,}", f"{total[side] - gone[side]:,}")
        for side in _order(total)
    ]
    named = [
        (tag("span", x.loop_id, class_="name"), x.side, sentence(x.reason))
        for x in dropped[:_MAX_DROPPED]
    ]
    more = "" if len(named) == len(dropped) else f"The first {len(named)} of {len(dropped)} dropped"
    return section(
        "duplicates",
        title,
        tag(
            "p",
            "Of loops with the same hits on one side one is kept, an original before a "
            "recombined one, so that no pattern counts twice.",
        ),
        table(("Side", "Loops", "Dropped", "Kept"), rows, caption="Kept and dropped by side"),
        table(
            ("Dropped", "Side", "Why"), named, caption=more or "All that were dropped", words=True
        ),
    )


def _reading_section(data_docs: str) -> Html:
    link = tag(
        "p",
        "Every rule that the tables were held against, row by row: ",
        tag("a", "Data Docs", href=data_docs),
        ". They fetch their looks from the network; offline they are plain.",
    )
    terms = facts(_TERMS, style="terms")
    return section("reading", "How to read this page", terms, link if data_docs else "")


def _order(sides: Iterable[str]) -> list[str]:
    """Train, validation and test in this order, then any other side by name."""
    return sorted(
        sides, key=lambda side: (SIDES.index(side) if side in SIDES else len(SIDES), side)
    )

"""The audit as a page: the verdict first, then what it rests on, then the pairs to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trapgen.audit import Audit
from trapgen.loop import DrumLoop
from trapgen.report.chart import bar, draw_shares
from trapgen.report.page import (
    Html,
    count,
    facts,
    join,
    order_sides,
    percent,
    section,
    sentence,
    table,
    tag,
    tiles,
    verdict,
    write_page,
)
from trapgen.report.pairs import pairs_section

_MAX_DROPPED: Final = 12

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
        ("pairs", "Pairs", pairs_section(audit, loops)),
        ("duplicates", "Duplicates", _duplicates_section(audit)),
        ("reading", "How to read this page", _reading_section(data_docs)),
    ]
    write_page(path, "Overlap audit", _top(audit), sections)


def _top(audit: Audit) -> Html:
    passes = audit.gate == "pass"
    if passes:
        headline = "The held-out loops are independent"
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
    chance = audit.chance
    by_chance = f"{percent(chance.low)} to {percent(chance.high)}"
    test = audit.self_test
    figures = [
        (
            percent(audit.exact_bar_overlap),
            "of held-out bars stand in train; by chance "
            + (by_chance if chance.replicates else "not known"),
        ),
        (
            f"{audit.n_leaks:,}",
            "pairs of loops across sides are the same, nearly the same, or related",
        ),
        (
            f"{audit.effective_sources.get('train', 0):.0f}",
            f"effective sources behind {count(audit.n_loops.get('train', 0), 'training loop')}",
        ),
        (f"{test['found']} of {test['injected']}", "planted leaks found by the self-test"),
    ]
    word = "PASS" if passes else "REFUSE"
    return join([verdict(word, headline, *words, passes=passes), tiles(figures)])


def _advise(audit: Audit) -> list[Html]:
    """What helps against the reasons that have one remedy."""
    advice = []
    if audit.count("shared_source") and audit.protocol in ("by_file", "random_windows"):
        advice.append("split sources before recombining them (split.protocol: by_source)")
    elif audit.n_leaks:
        advice.append("keep the loops of every pair below on one side, or drop one of the two")
    if not audit.chance.replicates:
        advice.append("add loops that do not depend on each other")
    return [tag("p", tag("strong", "What helps: "), sentence("; ".join(advice)))] if advice else []


def _overlap_section(audit: Audit) -> Html:
    chance = audit.chance
    words = f"How much independent sides would share is {chance.method}."
    if chance.replicates:
        words = (
            f"Independent sides share {percent(chance.mean)} on average; 95% of the draws lie "
            f"between {percent(chance.low)} and {percent(chance.high)} ({chance.replicates} draws: "
            f"{chance.method})."
        )
    by_side = audit.exact_bar_overlap_by_side
    rows = {"All held-out bars": audit.exact_bar_overlap}
    rows |= {side.capitalize(): by_side[side] for side in order_sides(by_side)}
    interval = (chance.mean, chance.low, chance.high) if chance.replicates else None
    return section(
        "overlap",
        "Bars that stand on both sides",
        tag(
            "p",
            f"{percent(audit.exact_bar_overlap)} of the held-out bars also stand in train, hit for "
            f"hit; {percent(audit.near_bar_overlap)} with bars of which only a few hits differ. "
            f"{words}",
        ),
        draw_shares(rows, interval),
    )


def _sides_section(audit: Audit) -> Html:
    words = _PROTOCOLS.get(audit.protocol, _PROTOCOLS["as given"])
    overlap = {"train": "", **{k: percent(v) for k, v in audit.exact_bar_overlap_by_side.items()}}
    rows = [
        (
            side,
            f"{audit.n_loops[side]:,}",
            f"{audit.n_sources[side]:,}",
            f"{audit.effective_sources[side]:.1f}",
            overlap[side],
        )
        for side in order_sides(audit.n_loops)
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
    share = f"{percent(alarms)} of all pairs" if alarms else "none"
    return section(
        "self-test",
        "Does this audit find leaks?",
        tag(
            "p",
            f"{test['injected']} copies of training loops were planted among the held-out "
            f"ones; it found {test['found']}. Pairs that it reports though they have no source in "
            f"common: {share}.",
        ),
        table(("Disguise", "Found"), rows, caption="Planted copies by disguise"),
    )


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
        for side in order_sides(total)
    ]
    named = [
        (tag("span", x.loop_id, class_="name"), x.side, x.reason) for x in dropped[:_MAX_DROPPED]
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

"""The audit as a page: the verdict first, then what it rests on, then the pairs to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trapgen.audit import Audit
from trapgen.core import DrumLoop
from trapgen.report.chart import bar
from trapgen.report.duplicates import duplicates_section
from trapgen.report.lineage import lineage_section
from trapgen.report.overlap import known, overlap_section, sweep_section
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
from trapgen.report.pairs import SCRIPT, pairs_section

_PROTOCOLS: Final = {
    "by_source": "Sources were dealt to the sides first, near-duplicates together, and loops were "
    "recombined afterwards, within one side at a time. Done so, no loop has a parent in common "
    "with another side.",
    "by_file": "Loops were recombined first and dealt to the sides at random afterwards. Children "
    "of the same sources can fall on both sides, and then held-out loops are not new to the model.",
    "random_windows": "Loops were recombined first, cut into bars, and the bars dealt to the sides "
    "at random. Bars of one loop, and children of the same sources, can fall on both sides.",
    "published": "Every file stays on the side that its publisher put it on. The published split "
    "may hold one player, or one groove, on two sides.",
    "as given": "The sides were audited as they were found; how they were made is not known here.",
}
_LEAKS: Final = {
    "exact": "the loop as it is",
    "rotated by beats": "it starts on another beat",
    "rotated by bars": "it starts on another bar",
    "repeated twice": "it is twice as long",
    "repeated four times": "it is four times as long",
    "half time": "every step lasts two",
    "double time": "two steps are played as one",
    "retempoed": "another tempo",
    "remapped": "another key map",
    "revelocitied": "other velocities",
    "microtiming": "hits a little before or after the beat",
    "1 hit a bar changed": "taken away or put in",
    "2 hits a bar changed": "taken away or put in",
    "one voice taken whole": "in a loop that is otherwise another",
    "2 bars taken": "in a loop that is otherwise another",
    "4 bars taken": "in a loop that is otherwise another",
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
        "Of all the hits of two loops, the share that only one of them has, when one is laid over "
        "the other as well as can be: 0 is the same loop, 1 has no hit in common (Jaccard "
        "distance).",
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
        ("sides", "Sides", _sides_section(audit)),
        ("lineage", "Lineage", lineage_section(audit, loops)),
        ("overlap", "Overlap", overlap_section(audit)),
        *([("sweep", "Distances", sweep_section(audit))] if audit.sweep else []),
        ("pairs", "Pairs", pairs_section(audit, loops)),
        ("duplicates", "Duplicates", duplicates_section(audit, loops)),
        ("self-test", "Self-test", _self_test_section(audit)),
        ("reading", "How to read this page", _reading_section(data_docs)),
    ]
    write_page(path, "Overlap audit", _top(audit), sections, script=SCRIPT)


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
    chance = known(audit.chance)
    by_chance = f"{percent(chance.low)} to {percent(chance.high)}" if chance else "not known"
    test = audit.self_test
    figures = [
        (
            percent(audit.exact_bar_overlap),
            f"of held-out bars stand in train; by chance {by_chance}",
        ),
        (
            f"{audit.near_duplicate_pairs:,}",
            "pairs of loops across sides are the same, or nearly; "
            f"{audit.count('shared_source'):,} have a source in common",
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
    elif audit.near_duplicate_pairs or audit.count("shared_source"):
        advice.append("keep the loops of every pair below on one side, or drop one of the two")
    if not audit.chance.replicates:
        advice.append("add loops that do not depend on each other")
    return [tag("p", tag("strong", "What helps: "), sentence("; ".join(advice)))] if advice else []


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
        "How the split was made",
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
    unrelated = test.get("unrelated_pairs")
    pairs = f"{unrelated:,} pairs" if unrelated else "the pairs"
    return section(
        "self-test",
        "Does this audit find leaks?",
        tag(
            "p",
            f"{test['injected']} copies of training loops were planted among the held-out ones, "
            f"most of them disguised; it found {test['found']}. False alarms: of {pairs} that have "
            f"no source in common, it reports {percent(test['false_alarms'])}.",
        ),
        table(("Disguise", "Found"), rows, caption="Planted copies by disguise"),
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

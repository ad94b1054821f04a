"""What deduplication dropped, why, and what that did to the training loops."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from trapgen.audit import Audit, Decision
from trapgen.core import DrumLoop
from trapgen.report.page import Html, count, order_sides, percent, section, sentence, table, tag

_MAX_REASONS: Final = 12
_MAX_NAMED: Final = 12
_MARKS: Final = ",;:."

_MAX_VALUES: Final = 8
"""Styles, or roles, that the table of shifts lists; the most common ones."""

_SHIFT: Final = 0.05
"""Change of a share that is worth a sentence."""


def duplicates_section(audit: Audit, loops: Mapping[str, DrumLoop]) -> Html:
    """Decisions by side and by reason, some of them by name, and the shift in train."""
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
    return section(
        "duplicates",
        title,
        tag(
            "p",
            f"{count(len(dropped), 'loop')} dropped, so that no pattern counts twice. Of every set "
            "of duplicates on one side the best is kept.",
        ),
        table(("Side", "Loops", "Dropped", "Kept"), rows, caption="Kept and dropped by side"),
        *_group_reasons(dropped, {decision.loop_id for decision in audit.decisions}),
        *_compare_train(audit, loops),
    )


def _group_reasons(dropped: Sequence[Decision], names: Collection[str]) -> list[Html]:
    groups: dict[str, list[Decision]] = {}
    for decision in dropped:
        groups.setdefault(_generalize(decision.reason, names), []).append(decision)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        (sentence(reason), f"{len(group):,}", tag("span", group[0].loop_id, class_="name"))
        for reason, group in ordered[:_MAX_REASONS]
    ]
    if rest := ordered[_MAX_REASONS:]:
        rows.append(("Other reasons", f"{sum(len(group) for _, group in rest):,}", Html("")))
    named = [
        (tag("span", x.loop_id, class_="name"), x.side, x.reason) for x in dropped[:_MAX_NAMED]
    ]
    some = f"The first {len(named)} of {len(dropped):,} dropped"
    return [
        table(("Why", "Loops", "Such as"), rows, caption="Dropped by reason", words=True),
        tag(
            "details",
            tag("summary", some if len(dropped) > len(named) else "All that were dropped"),
            tag(
                "div",
                table(("Dropped", "Side", "Why"), named, caption="Dropped by name", words=True),
                tag("p", "survivors.parquet has the decision on every loop.", class_="note"),
                class_="body",
            ),
        ),
    ]


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


def _compare_train(audit: Audit, loops: Mapping[str, DrumLoop]) -> list[Html]:
    """Train before and after, by role and style; nothing where nothing was dropped from it."""
    decisions = [x for x in audit.decisions if x.side == "train" and x.loop_id in loops]
    before = [loops[x.loop_id] for x in decisions]
    after = [loops[x.loop_id] for x in decisions if x.kept]
    if len(after) == len(before) or not after:
        return []
    shares: list[tuple[str, float, float]] = []
    traits: tuple[tuple[str, Callable[[DrumLoop], str]], ...] = (
        ("Role", lambda loop: loop.lineage.role),
        ("Style", lambda loop: loop.lineage.style or "none told"),
        ("Length", lambda loop: count(loop.n_bars, "bar")),
    )
    for trait, read in traits:
        found = Counter(map(read, before))
        left = Counter(map(read, after))
        if len(found) > 1:
            shares += [
                (f"{trait}: {value}", number / len(before), left[value] / len(after))
                for value, number in sorted(found.items(), key=lambda x: (-x[1], x[0]))[
                    :_MAX_VALUES
                ]
            ]
    rows = [("Loops", f"{len(before):,}", f"{len(after):,}", f"{len(after) - len(before):,}")]
    hits = [sum(x.n_onsets for x in some) / sum(x.n_bars for x in some) for some in (before, after)]
    rows.append(("Hits a bar", f"{hits[0]:.1f}", f"{hits[1]:.1f}", f"{hits[1] - hits[0]:+.1f}"))
    rows += [
        (name, percent(old), percent(new), _describe_change(new - old)) for name, old, new in shares
    ]
    name, old, new = max(shares, key=lambda x: abs(x[2] - x[1]), default=("", 0.0, 0.0))
    words = "What is left is made up as before: no share moves by 5 points or more."
    if abs(new - old) >= _SHIFT:
        words = f"The largest shift: {name.lower()}, from {percent(old)} to {percent(new)}."
    return [
        tag("h3", "What that did to the training loops"),
        tag("p", words),
        table(("Train", "Before", "After", "Change"), rows, caption="Train before and after"),
    ]


def _describe_change(share: float) -> str:
    return f"{100 * share:+.1f} points" if abs(share) >= 0.0005 else "none"

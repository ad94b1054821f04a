"""The audit's pairs across sides, the nearest of each kind drawn over each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, isnan
from typing import Final

from trapgen.audit import Audit, Overlap
from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop
from trapgen.report.grid import align, describe_differences, draw_legend, draw_pair
from trapgen.report.page import Html, count, facts, join, section, tag

_MAX_DRAWN: Final = 30
_UNFOLDED: Final = 2
"""Pairs of each kind that are unfolded from the start."""

_KINDS: Final = {
    "exact_loop": ("The same loop on both sides", "Every hit is the same."),
    "near_loop": ("Nearly the same loop", "Only a few hits differ."),
    "shared_source": (
        "Different loops made of a common source",
        "They may sound unlike each other, but a part of one was heard while training.",
    ),
    "exact_bar": (
        "One bar in common",
        "Drum bars repeat by themselves: the section on bars says how often by chance.",
    ),
}


def pairs_section(audit: Audit, loops: Mapping[str, DrumLoop]) -> Html:
    """The pairs by kind, at most 30 of them drawn.

    Raises:
        ParameterError: A pair that is drawn names a loop that is not among `loops`.
    """
    title = "Pairs across sides"
    kinds = [kind for kind, total in audit.n_pairs.items() if total]
    if not kinds:
        words = "None: no held-out loop is near a training loop, and none shares a source with one."
        return section("pairs", title, tag("p", words))
    content: list[object] = [draw_legend()]
    for kind in kinds:
        name, words = _KINDS.get(kind, (kind.replace("_", " ").capitalize(), ""))
        listed = [pair for pair in audit.pairs if pair.kind == kind]
        chosen = _choose(listed, _MAX_DRAWN // len(kinds))
        content += [
            tag("h3", f"{name}: {count(audit.n_pairs[kind], 'pair')}"),
            tag("p", f"{words} {_count_rest(len(chosen), len(listed), audit.n_pairs[kind])}"),
            *_draw_boxes(chosen, loops),
        ]
    return section("pairs", title, *content)


def _count_rest(n_drawn: int, n_listed: int, n_pairs: int) -> str:
    if n_drawn == n_pairs:
        return "All of them are drawn."
    listed = "all" if n_listed == n_pairs else f"{n_listed:,} of them"
    return (
        f"{n_drawn} are drawn; {n_pairs - n_drawn:,} more are not. overlap.parquet lists {listed}."
    )


def _choose(pairs: Sequence[Overlap], most: int) -> list[Overlap]:
    """The nearest pairs; those that show new loops before those that show a loop again."""
    fresh: list[Overlap] = []
    again: list[Overlap] = []
    seen: set[str] = set()
    for pair in sorted(pairs, key=lambda pair: inf if isnan(pair.distance) else pair.distance):
        names = {pair.train_loop, pair.other_loop}
        (again if seen & names else fresh).append(pair)
        seen |= names
    return [*fresh, *again][:most]


def _draw_boxes(pairs: Iterable[Overlap], loops: Mapping[str, DrumLoop]) -> list[Html]:
    """A box a pair, the nearest first."""
    drawn = sorted((_draw_box(pair, loops) for pair in pairs), key=lambda item: item[0])
    return [tag("details", box, open=number < _UNFOLDED) for number, (_, box) in enumerate(drawn)]


def _draw_box(pair: Overlap, loops: Mapping[str, DrumLoop]) -> tuple[float, Html]:
    for name in (pair.train_loop, pair.other_loop):
        if name not in loops:
            raise ParameterError("loops", "every loop of the audit by its id", name)
    train, other = loops[pair.train_loop], loops[pair.other_loop]
    ours, theirs, match = align(train, other)
    length = f"repeated to {count(ours.n_bars, 'bar')}"
    moves = (
        (f"held-out loop rotated by {count(match.rotation_beats, 'beat')}", match.rotation_beats),
        (f"training loop {length}", train.n_bars < ours.n_bars),
        (f"held-out loop {length}", other.n_bars < ours.n_bars),
    )
    sources = set(train.lineage.source_ids) & set(other.lineage.source_ids)
    # A loop counts as its own parent: an original and its child have it in common.
    parents = {train.lineage.loop_id, *train.lineage.parents} & {
        other.lineage.loop_id,
        *other.lineage.parents,
    }
    rows = (
        ("What differs", describe_differences(ours, theirs)),
        (
            "Laid over each other",
            ", ".join(words for words, done in moves if done) or "as they are",
        ),
        ("Shared sources", ", ".join(sorted(sources)) or "none"),
        ("Common parents", ", ".join(sorted(parents)) or "none"),
    )
    distance = f"{match.distance:.2f} apart" if match.distance else "identical"
    summary = tag(
        "summary",
        tag("span", distance, class_="distance"),
        *(" ", tag("span", pair.train_loop, class_="name"), " ", tag("small", "train")),
        *(" ↔ ", tag("span", pair.other_loop, class_="name"), " ", tag("small", pair.side)),
    )
    body = tag("div", facts(rows), draw_pair(ours, theirs), class_="body")
    return match.distance, join([summary, body])

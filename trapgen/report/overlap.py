"""What the sides share, drawn against chance: bars, windows, and loops by their distance."""

from __future__ import annotations

from trapgen.audit import Audit, Chance
from trapgen.report.chart import Share, draw_shares, draw_sweep
from trapgen.report.page import Html, count, order_sides, percent, section, table, tag


def overlap_section(audit: Audit) -> Html:
    """Bars by side and windows by length as bars, each with its chance."""
    chance = known(audit.chance)
    words = f"How much independent sides would share is {audit.chance.method}."
    if chance:
        words = (
            f"Independent sides share {percent(chance.mean)} on average; 95% of the draws lie "
            f"between {percent(chance.low)} and {percent(chance.high)} ({chance.replicates} draws: "
            f"{chance.method})."
        )
    by_side = audit.exact_bar_overlap_by_side
    rows = [Share("All held-out bars", audit.exact_bar_overlap, audit.near_bar_overlap, chance)]
    rows += [
        Share(side.capitalize(), by_side[side], chance=chance) for side in order_sides(by_side)
    ]
    content: list[object] = [
        tag(
            "p",
            f"{percent(audit.exact_bar_overlap)} of the held-out bars also stand in train, hit for "
            f"hit; {percent(audit.near_bar_overlap)} with bars of which only a few hits differ. "
            f"{words}",
        ),
        draw_shares(rows, "Share of held-out bars that stand in train"),
    ]
    if audit.windows:
        windows = [
            Share(
                f"{count(window.n_bars, 'bar')}{' on end' if window.n_bars > 1 else ''}",
                window.exact,
                window.near,
                known(window.chance),
            )
            for window in audit.windows
        ]
        content += [
            tag("h3", "Windows of several bars"),
            tag(
                "p",
                "Training draws windows that begin at every bar. Short ones repeat by themselves; "
                "the longer a window that stands in train, the more surely it was copied.",
            ),
            draw_shares(windows, "Share of held-out windows that stand in train"),
        ]
    if voices := known(audit.voices.chance):
        row = Share("Loops with a voice of a training loop", audit.voices.share, chance=voices)
        content += [
            tag("h3", "Voices taken over whole"),
            tag(
                "p",
                "A kick or a hat part can be copied into a loop that is otherwise new. "
                "CommonPatterns, such as four on the floor, do not count.",
            ),
            draw_shares([row], "Share of held-out loops with a whole voice of a training loop"),
        ]
    return section("overlap", "Bars that stand on both sides", *content)


def sweep_section(audit: Audit) -> Html:
    """The share of held-out loops with a training loop within each distance."""
    first, last = audit.sweep[0], audit.sweep[-1]
    points = [(point.distance, point.share, known(point.chance)) for point in audit.sweep]
    by_chance = (
        f", where independent sides have {percent(last.chance.mean)}" if points[-1][2] else ""
    )
    rows = [
        (
            f"{point.distance:g}",
            percent(point.share),
            f"{percent(point.chance.low)} to {percent(point.chance.high)}"
            if known(point.chance)
            else "not known",
        )
        for point in audit.sweep
    ]
    label = "Share of the held-out loops with a training loop within a distance"
    return section(
        "sweep",
        "How near the nearest training loop is",
        tag(
            "p",
            f"{percent(last.share)} of the held-out loops have a training loop within "
            f"{last.distance:g}{by_chance}; {percent(first.share)} have one "
            f"{f'within {first.distance:g}' if first.distance else 'with the very same hits'}. "
            "Independent sides stay near the gray line at every distance: the verdict does not "
            "hang on one threshold.",
        ),
        draw_sweep(points, label) if last.distance > first.distance else "",
        tag(
            "details",
            tag("summary", "The same as figures"),
            tag(
                "div",
                table(("Within", "Found", "By chance"), rows, caption="Held-out loops by distance"),
                class_="body",
            ),
        ),
    )


def known(chance: Chance) -> Chance | None:
    """What chance gives, if it could be drawn."""
    return chance if chance.replicates else None

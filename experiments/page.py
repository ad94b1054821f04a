"""Tables and pictures of `docs/reproduction.md`, from `docs/reproduction/results.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.plan import PLAN
from experiments.workspace import ROOT
from trapgen.core import write_text
from trapgen.render import BLUE, GREEN, HEADER, MUTED, RULE, SHADE, VERMILION, axes_at, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE: Final = ROOT / "docs/reproduction.md"
FOLDER: Final = ROOT / "docs/reproduction"
RESULTS: Final = FOLDER / "results.json"

SONGS, LIE, CLEAN = "metallica", "trap-random-windows", "trap-by-source"
SIZES: Final = (CLEAN, *(name for name in PLAN if name not in (SONGS, LIE, CLEAN)))

_CURVES: Final = {
    "train": ("learned", MUTED),
    "control": ("held out at random", BLUE),
    "validation": ("validation side", VERMILION),
}

Results = Mapping[str, Any]


def write_page(results: Results, page: Path = PAGE, folder: Path = FOLDER) -> None:
    """Write the tables of finished experiments between their marks in the page, and draw pictures.

    Args:
        results: By name of the experiment, from `experiments.workspace.run_experiment`.
        page: The page; text outside the marks is unchanged.
        folder: Folder of the pictures.
    """
    text = page.read_text(encoding="utf-8")
    tables: dict[str, list[str]] = {}
    if SONGS in results:
        tables["songs"] = songs_table(results[SONGS])
        draw_songs(results[SONGS], folder / "songs.png")
    if {LIE, CLEAN} <= results.keys():
        pair = {name: results[name] for name in (LIE, CLEAN)}
        tables["protocols"] = protocols_table(pair)
        draw_protocols(pair, folder / "protocols.png")
    sizes = {name: results[name] for name in SIZES if name in results}
    if sizes:
        tables["sizes"] = sizes_table(sizes)
        draw_sizes(sizes, folder / "sizes.png")
    for name, rows in tables.items():
        text = fill(text, name, rows)
    write_text(page, text)


def fill(text: str, name: str, rows: Iterable[str]) -> str:
    """The text with new rows between `<!-- name -->` and `<!-- end -->`.

    Raises:
        ValueError: There is no such place, or several.
    """
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    table = "".join(f"{row}\n" for row in rows)
    filled, n_places = place.subn(lambda found: f"{found[1]}{table}{found[2]}", text)
    if n_places != 1:
        raise ValueError(f"{n_places} places for the table {name!r}")
    return filled


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *map(list, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def songs_table(result: Results) -> list[str]:
    """One row per evaluated epoch, and one for the training text."""
    head = ("after epoch", "learned", "held out at random", "other songs")
    heard = ("bars closed at 16", "median bar", "hits a bar", "empty steps")
    rows = [
        (
            f"{row['epoch']:.0f}",
            *(f"{row[name]:.2f}" for name in _CURVES),
            f"{row['closed']:.1%}",
            f"{row['bar_length']:.0f}",
            *_fullness(row),
        )
        for row in result["curve"]
        if "closed" in row
    ]
    return _table(
        (*head, *heard), [*rows, ("the text", *[""] * 3, "", "16", *_fullness(result["text"]))]
    )


def _fullness(row: Mapping[str, float]) -> tuple[str, str]:
    return f"{row['hits']:.1f}", f"{row['empty']:.0%}"


def protocols_table(results: Results) -> list[str]:
    """The audit's results for each protocol, and final losses."""
    overlaps = [result["overlap"] for result in results.values()]
    last = [result["curve"][-1] for result in results.values()]
    rows = [
        ("the audit's gate", *(found["gate"] for found in overlaps)),
        ("held-out bars that occur in train", *_shares(overlaps, "exact_bar_overlap")),
        (
            "the same between independent sources, up to",
            *(f"{found['chance_overlap']['high']:.1%}" for found in overlaps),
        ),
        (
            "held-out loops that share a voice pattern with a training loop",
            *(f"{found['voices']['share']:.1%}" for found in overlaps),
        ),
        ("nearly equal pairs across splits", *_counts(overlaps, "near_duplicate_pairs")),
        (
            "effective sources of train",
            *(f"{found['effective_sources']['train']:.1f}" for found in overlaps),
        ),
        *(
            (f"bits per step at the end, {label}", *(f"{row[name]:.2f}" for row in last))
            for name, (label, _) in _CURVES.items()
        ),
    ]
    return _table(("", *(f"`{name}`" for name in results)), rows)


def _shares(rows: Iterable[Mapping[str, float]], name: str) -> list[str]:
    return [f"{row[name]:.1%}" for row in rows]


def _counts(rows: Iterable[Mapping[str, float]], name: str) -> list[str]:
    return [f"{row[name]:,}" for row in rows]


def sizes_table(results: Results) -> list[str]:
    """One row per network, with its figures after the most epochs that all of them have."""
    rows = []
    for name, (row, result) in zip(results, _level(results), strict=True):
        sizes = (result["parameters"][f"recipe.{key}"] for key in ("layers", "units", "window"))
        bits = (f"{row[curve]:.2f}" for curve in _CURVES)
        lowest = min(row["validation"] for row in result["curve"])
        heard = f"{row['closed']:.1%}", f"{row['bar_length']:.0f}"
        rows.append((f"`{name}`", *map(str, sizes), *bits, f"{lowest:.2f}", *heard))
    labels = [label for label, _ in _CURVES.values()]
    head = ("", "layers", "units", "window", *labels, "at its best", "bars closed", "median bar")
    return _table(head, rows)


def _level(results: Results) -> list[tuple[Mapping[str, float], Results]]:
    """Each result's row at the last epoch that every result has."""
    n_epochs = min(len(result["curve"]) for result in results.values())
    return [(result["curve"][n_epochs - 1], result) for result in results.values()]


def draw_songs(result: Results, path: Path) -> None:
    """Losses and closed bars by epoch."""
    note = f"{_size(result)}; bits per step, and bars closed at the right step"
    with sheet(path, 7.4, 3.6, "Drum tracks of a band, the paper's way", note) as figure:
        _draw_curves(axes_at(figure, 0.6, HEADER + 0.1, 3.0, 2.1), result)
        axes = axes_at(figure, 4.4, HEADER + 0.1, 2.7, 2.1)
        heard = [row for row in result["curve"] if "closed" in row]
        epochs = [row["epoch"] for row in heard]
        axes.plot(epochs, [row["closed"] for row in heard], ".-", color=GREEN, label="bars closed")
        axes.plot(epochs, [row["empty"] for row in heard], ".-", color=MUTED, label="empty steps")
        axes.axhline(result["text"]["empty"], color=MUTED, lw=0.9, ls=(0, (4, 3)))
        axes.set(ylim=(0, 1.02), xlabel="epoch (dashed: empty steps of the text)")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
        axes.grid(axis="y")
        _legend(axes)


def draw_protocols(results: Results, path: Path) -> None:
    """The curves of two protocols side by side, on one scale."""
    note = "the same parts, network and recipe; bits per step after each epoch"
    rows = [row for result in results.values() for row in result["curve"]]
    reach = 1.05 * max(row[name] for row in rows for name in _CURVES)
    with sheet(path, 7.4, 3.75, "What the split decides", note) as figure:
        for column, (name, result) in enumerate(results.items()):
            axes = axes_at(figure, 0.6 + 3.45 * column, HEADER + 0.3, 3.1, 2.05)
            share = result["overlap"]["exact_bar_overlap"]
            _draw_curves(axes, result, with_legend=column == 0)
            axes.set_ylim(0, reach)
            title = f"{name.removeprefix('trap-').replace('-', ' ')}: {share:.0%} of bars in common"
            axes.set_title(title, loc="left", fontsize=9, pad=18)


def draw_sizes(results: Results, path: Path) -> None:
    """Losses on the random control and on validation, one row per network."""
    height = 0.32 * len(results)
    at = min(len(result["curve"]) for result in results.values())
    note = f"bits per step after {at} epochs: held out at random (blue), validation side (orange)"
    with sheet(
        path, 7.4, HEADER + height + 0.55, "Sizes, as the original tried them", note
    ) as figure:
        axes = axes_at(figure, 2.6, HEADER, 4.5, height)
        for row, (last, _) in enumerate(_level(results)):
            ends = last["control"], last["validation"]
            axes.plot(ends, (row, row), color=SHADE, lw=3, zorder=1)
            for end, color in zip(ends, (BLUE, VERMILION), strict=True):
                axes.plot(end, row, "o", ms=7, color=color)
        axes.set(ylim=(len(results) - 0.5, -0.5))
        axes.set_xlim(left=0)
        axes.set_yticks(range(len(results)), [_size(result) for result in results.values()])
        axes.grid(axis="x")
        axes.spines.left.set_color(RULE)


def _size(result: Results) -> str:
    sizes = {key: result["parameters"][f"recipe.{key}"] for key in ("layers", "units", "window")}
    return f"{sizes['layers']} x {sizes['units']} units, window {sizes['window']}"


def _draw_curves(axes: Axes, result: Results, *, with_legend: bool = True) -> None:
    epochs = [row["epoch"] for row in result["curve"]]
    for name, (label, color) in _CURVES.items():
        values = [row[name] for row in result["curve"]]
        axes.plot(epochs, values, ".-", ms=4, color=color, label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("epoch")
    axes.grid(axis="y")
    if with_legend:
        _legend(axes)


def _legend(axes: Axes) -> None:
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.05, 0.98), "ncols": 3}
    axes.legend(**where, labelcolor="linecolor", fontsize=8, handlelength=0.8, columnspacing=1.0)

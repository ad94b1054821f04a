"""Figures of the model and its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trapgen.core import ParameterError
from trapgen.render.figure_style import (
    BLUE,
    HEADER,
    INK,
    MARGIN,
    MUTED,
    PAPER,
    SHADE,
    VERMILION,
    axes_at,
    finite,
    sheet,
)

_NAMES: Final = {
    "model": "Model",
    "ngram": "Back-off n-gram",
    "position": "Position in the bar",
    "repeat_bar": "Repeat the last bar",
    "uniform": "Uniform",
}


def draw_bits(
    bits: Mapping[str, float],
    path: Path,
    *,
    title: str,
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw the bits per step of the model and its baselines, best first.

    Args:
        bits: Bits per step by name; `model` is highlighted.
        path: The PNG file; its folder is created.
        title: Headline.
        intervals: Ends of each figure's interval by its name; optional per name.

    Raises:
        ParameterError: `bits` is empty, or a value is not finite.
    """
    values = {name: float(value[0]) for name, value in finite("bits", bits).items()}
    names = sorted(values, key=lambda name: (values[name], name))
    height = 0.38 * len(names)
    note = "bits per step, lower is better"
    with sheet(path, 7.0, HEADER + height + 0.25, title, note) as figure:
        axes = axes_at(figure, 1.75, HEADER, 4.6, height)
        reach = max(*values.values(), 1e-9)
        axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, reach))
        for row, name in enumerate(names):
            ours = name == "model"
            axes.barh(row, values[name], height=0.62, color=VERMILION if ours else SHADE)
            weight: dict[str, Any] = {"va": "center", "weight": "bold" if ours else "normal"}
            gap = 0.012 * reach
            low, high = (intervals or {}).get(name, (values[name], values[name]))
            if high - low > gap:
                axes.hlines(row, low, high, INK, lw=1.2)
            axes.text(max(values[name], high) + gap, row, f"{values[name]:.2f}", **weight)
            label = _NAMES.get(name, name.replace("_", " "))
            axes.text(-gap, row, label, ha="right", **weight)
        axes.axvline(0, color=INK, linewidth=1.2)
        axes.set_axis_off()


def draw_overlap(
    observed: float, chance_mean: float, chance_low: float, chance_high: float, path: Path
) -> None:
    """Draw the exact bar overlap between splits, compared with chance.

    Args:
        observed: Share of the other splits' bars that occur in train, 0 to 1.
        chance_mean: Mean share expected by chance, 0 to 1.
        chance_low: Lower end of the chance interval, 0 to 1.
        chance_high: Upper end of the chance interval, `chance_low` to 1.
        path: The PNG file; its folder is created.

    Raises:
        ParameterError: A share is outside 0 to 1, or the interval's ends are the wrong way round.
    """
    for name, share, limit in (
        ("observed", observed, 1),
        ("chance_mean", chance_mean, 1),
        ("chance_high", chance_high, 1),
        ("chance_low", chance_low, chance_high),
    ):
        if not 0 <= share <= limit:
            raise ParameterError(name, f"from 0 to {limit}", share)
    side = "above" if observed > chance_high else "below" if observed < chance_low else "within"
    note = f"bars of the other splits that occur in train: {side} what chance gives"
    color = VERMILION if side == "above" else BLUE
    with sheet(path, 7.0, 2.4, "Exact bar overlap", note) as figure:
        axes = axes_at(figure, MARGIN, HEADER, 6.4, 1.05)
        reach = min(1.0, max(1.25 * max(observed, chance_high), 0.01))
        axes.set(xlim=(0, reach), ylim=(-1, 1))
        axes.barh(0, chance_high - chance_low, left=chance_low, height=0.5, color=SHADE)
        axes.vlines(chance_mean, -0.25, 0.25, MUTED, linewidth=1.5)
        axes.plot(observed, 0, "D", ms=9, color=color, mec=PAPER, mew=1.2, clip_on=False, zorder=4)
        chance = f"chance {chance_mean:.1%} ({chance_low:.1%} to {chance_high:.1%})"
        for share, y, text, look in (
            (observed, 0.5, f"observed {observed:.1%}", color),
            (chance_mean, -0.75, chance, MUTED),
        ):
            place = "left" if share < 0.2 * reach else "right" if share > 0.8 * reach else "center"
            axes.text(share, y, text, ha=place, color=look, weight="bold")
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
        axes.set_yticks([])
        axes.spines.left.set_visible(False)


def draw_features(
    train: Mapping[str, ArrayLike], generated: Mapping[str, ArrayLike], path: Path
) -> None:
    """Draw the distribution of each feature in generated loops over that in training loops.

    Args:
        train: Values by feature, `(n_loops,)` each.
        generated: The same features of the generated loops.
        path: The PNG file; its folder is made.

    Raises:
        ParameterError: The features differ, or one has no values or a value that is not finite.
    """
    ours, theirs = finite("generated", generated), finite("train", train)
    if ours.keys() != theirs.keys():
        raise ParameterError("generated", f"of the features {list(theirs)}", list(ours))
    columns, cell = min(3, len(theirs)), (2.6, 1.75)
    rows, top = -(-len(theirs) // columns), HEADER + 0.3
    width, height = max(5.0, MARGIN + columns * cell[0]), top + rows * cell[1]
    with sheet(path, width, height, "Features", "share of loops by value") as figure:
        for number, (name, values) in enumerate(theirs.items()):
            row, column = divmod(number, columns)
            axes = axes_at(figure, MARGIN + column * cell[0], top + row * cell[1], 2.25, 1.1)
            edges = _edges(np.concatenate([values, ours[name]]))
            share, ours_share = _shares(values, edges), _shares(ours[name], edges)
            axes.stairs(share, edges, fill=True, color=SHADE, label="training")
            axes.stairs(ours_share, edges, color=VERMILION, lw=1.6, label="generated")
            axes.set_title(name.replace("_", " "), loc="left", fontsize=9)
            axes.set_yticks([])
            axes.set_ylim(bottom=0)
            axes.spines.left.set_visible(False)
        key = axes.get_legend_handles_labels()
        corner = 1 - 0.15 / width, 1 - 0.2 / height
        figure.legend(*key, loc="upper right", bbox_to_anchor=corner, ncols=2)


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bin edges: one bin per integer if there are few, else 16 bins of equal width."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 24 and np.array_equal(values, np.rint(values)):
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high if high > low else low + 1, 17)


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts, _ = np.histogram(values, edges)
    return counts / len(values)

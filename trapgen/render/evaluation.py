"""Figures of a model's predictions and generated loops."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from trapgen.core import ParameterError
from trapgen.render.figure_style import (
    BLUE,
    GREEN,
    HEADER,
    INK,
    MARGIN,
    MUTED,
    PAPER,
    PURPLE,
    RULE,
    SHADE,
    VERMILION,
    axes_at,
    finite,
    sheet,
)

_COLORS: Final = (INK, VERMILION, BLUE, GREEN, PURPLE)
_N_BINS: Final = 24


def draw_reliability(tables: Mapping[str, ArrayLike], path: Path) -> None:
    """Draw a reliability diagram: observed frequency by predicted probability.

    Args:
        tables: By name `(n_bins, 2)` mean probability and observed frequency, 0 to 1.
        path: The PNG file; its folder is made.

    Raises:
        ParameterError: There is no table, or one is empty, of another shape or not finite.
    """
    rows = {name: values.reshape(-1, 2) for name, values in finite("tables", tables).items()}
    note = "observed frequency by predicted probability"
    with sheet(path, 7.0, 4.6, "Calibration", note) as figure:
        axes = axes_at(figure, 0.7, HEADER, 4.0, 3.2)
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)), zorder=1)
        for (name, values), color in zip(rows.items(), cycle(_COLORS), strict=False):
            label = name.replace("_", " ")
            axes.plot(*values.T, ".-", ms=6, lw=1.4, color=color, label=label, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted", ylabel="observed")
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(1.04, 1.02), labelcolor="linecolor")


def draw_distances(distances: Mapping[str, ArrayLike], path: Path) -> None:
    """Draw the distances of generated and held-out loops to the nearest training loop.

    Args:
        distances: `generated` and `held_out`, `(n_loops,)` each, 0 to 1.
        path: The PNG file; its folder is made.

    Raises:
        ParameterError: One of the two is missing, empty or not finite.
    """
    values = finite("distances", distances)
    if set(values) != {"generated", "held_out"}:
        raise ParameterError("distances", "of generated and held_out loops", list(values))
    edges = np.linspace(0, 1, _N_BINS + 1)
    note = "share of loops by distance to the nearest training loop; 0 is a copy"
    with sheet(path, 7.0, 3.2, "Originality", note) as figure:
        axes = axes_at(figure, MARGIN + 0.1, HEADER + 0.1, 6.3, 1.7)
        for name, ours in (("held_out", False), ("generated", True)):
            shares = np.histogram(values[name], edges)[0] / len(values[name])
            look: dict[str, Any] = (
                {"color": VERMILION, "lw": 1.6} if ours else {"color": SHADE, "fill": True}
            )
            axes.stairs(shares, edges, label=name.replace("_", "-"), **look)
        nearest = float(np.quantile(values["held_out"], 0.05))
        axes.axvline(nearest, color=MUTED, lw=0.9, ls=(0, (4, 3)))
        top = axes.get_ylim()[1]
        axes.text(nearest - 0.008, top, "5% of held-out loops", ha="right", va="top", color=MUTED)
        axes.set(xlim=(0, 1), ylim=(0, top), xlabel="distance", yticks=[])
        axes.spines.left.set_visible(False)
        axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=2)


def draw_covers(covers: Mapping[str, tuple[float, float, float]], bound: float, path: Path) -> None:
    """Draw each feature's overlap with held-out loops, relative to training loops, with intervals.

    Args:
        covers: Ratio and the ends of its interval by feature; the least is at the top.
        bound: Goal for each ratio.
        path: The PNG file; its folder is made.

    Raises:
        ParameterError: There is no feature, or a figure is not finite.
    """
    rows = {name: values.tolist() for name, values in finite("covers", covers).items()}
    names = sorted(rows, key=lambda name: (rows[name][0], name))
    height = 0.24 * len(names)
    note = "overlap with held-out loops, relative to that of training loops: with 95% intervals"
    with sheet(path, 7.0, HEADER + height + 0.6, "Features of generated loops", note) as figure:
        axes = axes_at(figure, 1.75, HEADER, 4.7, height)
        reach = max(1.3, *(ratio for ratio, _, _ in rows.values()))
        axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, min(reach + 0.05, 1.6)))
        axes.axvspan(0, bound, color=RULE, alpha=0.5, lw=0, zorder=0)
        axes.text(0.02, len(names) - 0.6, f"below {bound:g}", va="bottom", color=MUTED)
        axes.axvline(1, color=MUTED, lw=0.9, ls=(0, (4, 3)))
        for row, name in enumerate(names):
            ratio, low, high = rows[name]
            color = BLUE if ratio >= bound else VERMILION
            axes.hlines(row, low, high, color=color, lw=1.6)
            axes.plot(ratio, row, "o", ms=6, color=color, mec=PAPER, mew=1, zorder=4)
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], color=INK)
        axes.spines.left.set_visible(False)

"""Figures of the model and its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trapgen.core import ParameterError
from trapgen.render.figure_style import HEADER, MARGIN, SHADE, VERMILION, axes_at, finite, sheet


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

"""The learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from trapgen.core import ParameterError
from trapgen.render.figure_style import (
    BLUE,
    GREEN,
    HEADER,
    INK,
    MUTED,
    PAPER,
    PURPLE,
    RULE,
    VERMILION,
    axes_at,
    finite,
    sheet,
)

_SERIES_COLORS: Final = (BLUE, VERMILION, GREEN, PURPLE, MUTED)
_CLEAN, _CONTROL = "validation", "control_loss"
_NAMES: Final = {_CLEAN: "clean validation", _CONTROL: "control that leaks"}


def draw_history(
    history: Mapping[str, Sequence[float]], path: Path, *, best_epoch: int | None
) -> None:
    """Draw losses by epoch, and the gap between clean validation and the control that leaks.

    The vertical range covers losses on bars that are not trained on; in the first epochs, `train`
    may exceed it.

    Args:
        history: Bits per step after each epoch by series: `train`, `validation`, `control_loss`,
            or others.
        path: The PNG file; its folder is created.
        best_epoch: The epoch whose weights are kept, from 1; None marks none.

    Raises:
        ParameterError: There is nothing to draw, a value is not finite, series differ in length, or
            the epoch does not exist.
    """
    series = finite("history", history)
    if len({len(values) for values in series.values()}) > 1:
        raise ParameterError("history", "a table of series as long as each other", dict(history))
    kept = series.get(_CLEAN, next(iter(series.values())))
    if best_epoch is not None and not 1 <= best_epoch <= len(kept):
        raise ParameterError("best_epoch", f"None or from 1 to {len(kept)}", best_epoch)
    note = "bits per step after each epoch, lower is better"
    with sheet(path, 7.0, 4.2, "Learning curve", note) as figure:
        axes = axes_at(figure, 0.6, HEADER, 6.1, 2.8)
        epochs = range(1, len(kept) + 1)
        for (name, values), color in zip(series.items(), cycle(_SERIES_COLORS), strict=False):
            label = _NAMES.get(name, name)
            axes.plot(epochs, values, ".-", ms=4, color=color, label=label)
        if _CLEAN in series and _CONTROL in series:
            axes.fill_between(epochs, series[_CONTROL], series[_CLEAN], color=RULE, zorder=0)
        if best_epoch is not None:
            best = float(kept[best_epoch - 1])
            axes.axvline(best_epoch, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1)
            axes.plot(best_epoch, best, "o", ms=8, mfc=PAPER, mec=INK, mew=1.5, zorder=4)
            # Centered text near the figure's edge would extend past it.
            place = best_epoch / len(kept)
            side = "right" if place > 0.8 else "left" if place < 0.2 else "center"
            look: dict[str, Any] = {"ha": side, "weight": "bold", "textcoords": "offset points"}
            look["bbox"] = {"fc": PAPER, "ec": "none", "pad": 1.5}
            words = f"epoch {best_epoch}: {best:.2f}"
            if _CONTROL in series:
                words += f", gap {best - series[_CONTROL][best_epoch - 1]:.2f}"
            axes.annotate(words, (best_epoch, best), (0, 11), **look)
        axes.set_xlim(min(0.5, 1 - 0.03 * len(kept)), max(len(kept) + 0.5, 1.03 * len(kept)))
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        axes.margins(y=0.08)
        judged = [values for name, values in series.items() if name != "train"]
        if judged:
            # The initial train loss, of an untrained network, would dwarf the rest.
            low = min(float(values.min()) for values in series.values())
            high = max(float(values.max()) for values in judged)
            room = 0.08 * max(high - low, 0.1)
            axes.set_ylim(low - room, high + 2 * room)
        axes.grid(axis="y")
        axes.spines.left.set_visible(False)
        axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1.11), ncols=3, labelcolor="linecolor")

"""Pictures in one house look: dark ink on off-white paper, the colors of Okabe and Ito.

Okabe and Ito 2008, "Color Universal Design", chose colors that every kind of color vision tells
apart. matplotlib is imported when something is drawn, pyplot never; the same arguments give the
same bytes of PNG.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trapgen import kit
from trapgen.errors import ParameterError
from trapgen.loop import DrumLoop
from trapgen.store import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, MUTED, RULE, SHADE = "#FBFAF7", "#22262E", "#6B7079", "#E2DFD8", "#C4C6CB"
# Okabe and Ito's, but for the purple: theirs is too pale for soft hits on paper.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#A2518A"

_VOICE_COLORS: Final = (INK, VERMILION, BLUE, BLUE, GREEN, GREEN, GREEN, PURPLE, PURPLE)
_SERIES_COLORS: Final = (BLUE, VERMILION, GREEN, PURPLE, MUTED)
_NAMES: Final = {
    "model": "Model",
    "ngram": "Back-off n-gram",
    "position": "Position in the bar",
    "repeat_bar": "Repeat the last bar",
    "uniform": "Uniform",
}
_STYLE: Final = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), MUTED),
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "grid.color": RULE,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
}
_DPI: Final = 150
# Inches.
_HEADER, _MARGIN, _LABELS, _BAR, _LANE = 0.85, 0.3, 1.1, 2.6, 0.26
_BARS_PER_ROW: Final = 4
_MARK: Final = 1 / 38  # width of a hit, in bars
# matplotlib keeps its style in one global table.
_DRAWING: Final = threading.Lock()


def draw_loop(loop: DrumLoop, path: Path, *, title: str = "") -> None:
    """Draw a loop as a grid: a lane a voice, the kick at the bottom, four bars a row.

    A hit stands where it sounds, microtiming included; a harder one is darker and taller.

    Args:
        loop: What to draw.
        path: The PNG file; its folder is made.
        title: Headline; the loop's id when it is empty.
    """
    rows, bars = -(-loop.n_bars // _BARS_PER_ROW), min(loop.n_bars, _BARS_PER_ROW)
    lanes = kit.N_VOICES * _LANE
    pitch = lanes + 0.4
    width, height = _LABELS + bars * _BAR + _MARGIN, _HEADER + rows * pitch + 0.25
    note = (
        f"{_count(loop.n_bars, 'bar')} · {loop.bpm:g} bpm · {loop.steps_per_bar} steps a bar · "
        f"{_count(loop.n_onsets, 'hit')}"
    )
    row_of_step = np.arange(loop.n_steps) // loop.steps_per_bar // _BARS_PER_ROW
    with _page(path, width, height, title or loop.lineage.loop_id or "Loop", note) as figure:
        for row in range(rows):
            first = row * _BARS_PER_ROW
            last = min(first + _BARS_PER_ROW, loop.n_bars)
            top = _HEADER + 0.15 + row * pitch
            axes = _axes(figure, _LABELS, top, (last - first) * _BAR, lanes)
            _draw_grid(axes, first, last)
            steps, voices = np.nonzero(loop.onsets & (row_of_step == row)[:, None])
            bars_in = (steps + loop.offsets[steps, voices]) / loop.steps_per_bar
            colors = [_VOICE_COLORS[voice] for voice in voices]
            _draw_hits(axes, bars_in, voices, loop.velocities[steps, voices] / 127, colors)
        _draw_velocity_key(figure, _LABELS, height - 0.33)


def draw_history(
    history: Mapping[str, Sequence[float]], path: Path, *, best_epoch: int | None
) -> None:
    """Draw losses by epoch.

    Args:
        history: Bits per step after each epoch, a series a side (`train`, `validation`).
        path: The PNG file; its folder is made.
        best_epoch: The epoch whose weights are kept, 1 the first; None marks none.

    Raises:
        ParameterError: There is nothing to draw, a value is not finite, or the epoch is not there.
    """
    series = _finite("history", history)
    kept = series.get("validation", next(iter(series.values())))
    if best_epoch is not None and not 1 <= best_epoch <= len(kept):
        raise ParameterError("best_epoch", f"None or from 1 to {len(kept)}", best_epoch)
    note = "bits per step after each epoch, lower is better"
    with _page(path, 7.0, 4.2, "Learning curve", note) as figure:
        axes = _axes(figure, 0.6, _HEADER, 6.1, 2.8)
        for (name, values), color in zip(series.items(), cycle(_SERIES_COLORS), strict=False):
            axes.plot(range(1, len(values) + 1), values, ".-", ms=4, color=color, label=name)
        if best_epoch is not None:
            best = float(kept[best_epoch - 1])
            axes.axvline(best_epoch, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1)
            axes.plot(best_epoch, best, "o", ms=8, mfc=PAPER, mec=INK, mew=1.5, zorder=4)
            look: dict[str, Any] = {"ha": "center", "weight": "bold", "textcoords": "offset points"}
            look["bbox"] = {"fc": PAPER, "ec": "none", "pad": 1.5}
            axes.annotate(f"epoch {best_epoch}: {best:.2f}", (best_epoch, best), (0, 11), **look)
        longest = max(len(values) for values in series.values())
        axes.set_xlim(min(0.5, 1 - 0.03 * longest), max(longest + 0.5, 1.03 * longest))
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        axes.margins(y=0.08)
        axes.grid(axis="y")
        axes.spines.left.set_visible(False)
        axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1), ncols=3, labelcolor="linecolor")


def draw_bits(bits: Mapping[str, float], path: Path, *, title: str) -> None:
    """Draw the bits per step of the model and its baselines, the best first.

    Args:
        bits: Bits per step by name; `model` stands out.
        path: The PNG file; its folder is made.
        title: Headline.

    Raises:
        ParameterError: `bits` is empty, or a value is not finite.
    """
    values = {name: float(value[0]) for name, value in _finite("bits", bits).items()}
    names = sorted(values, key=lambda name: (values[name], name))
    height = 0.38 * len(names)
    note = "bits per step, lower is better"
    with _page(path, 7.0, _HEADER + height + 0.25, title, note) as figure:
        axes = _axes(figure, 1.75, _HEADER, 4.6, height)
        reach = max(*values.values(), 1e-9)
        axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, reach))
        for row, name in enumerate(names):
            ours = name == "model"
            axes.barh(row, values[name], height=0.62, color=VERMILION if ours else SHADE)
            weight: dict[str, Any] = {"va": "center", "weight": "bold" if ours else "normal"}
            gap = 0.012 * reach
            axes.text(values[name] + gap, row, f"{values[name]:.2f}", **weight)
            label = _NAMES.get(name, name.replace("_", " "))
            axes.text(-gap, row, label, ha="right", **weight)
        axes.axvline(0, color=INK, linewidth=1.2)
        axes.set_axis_off()


def draw_overlap(
    observed: float, chance_mean: float, chance_low: float, chance_high: float, path: Path
) -> None:
    """Draw the exact bar overlap between sides against what chance alone gives.

    Args:
        observed: Share of the other sides' bars that stand in train, 0 to 1.
        chance_mean: The mean share by chance, 0 to 1.
        chance_low: Lower end of the chance interval, 0 to 1.
        chance_high: Upper end of the chance interval, `chance_low` to 1.
        path: The PNG file; its folder is made.

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
    note = f"bars of the other sides that stand in train: {side} what chance gives"
    color = VERMILION if side == "above" else BLUE
    with _page(path, 7.0, 2.4, "Exact bar overlap", note) as figure:
        axes = _axes(figure, _MARGIN, _HEADER, 6.4, 1.05)
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
        ParameterError: The features differ, or one has no values or one that is not finite.
    """
    ours, theirs = _finite("generated", generated), _finite("train", train)
    if ours.keys() != theirs.keys():
        raise ParameterError("generated", f"of the features {list(theirs)}", list(ours))
    columns, cell = min(3, len(theirs)), (2.6, 1.75)
    rows, top = -(-len(theirs) // columns), _HEADER + 0.3
    width, height = max(5.0, _MARGIN + columns * cell[0]), top + rows * cell[1]
    with _page(path, width, height, "Features", "share of loops by value") as figure:
        for number, (name, values) in enumerate(theirs.items()):
            row, column = divmod(number, columns)
            axes = _axes(figure, _MARGIN + column * cell[0], top + row * cell[1], 2.25, 1.1)
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of bins: one a whole number where there are few, else 16 of one width."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 24 and np.array_equal(values, np.rint(values)):
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high if high > low else low + 1, 17)


def _shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts, _ = np.histogram(values, edges)
    return counts / len(values)


def _finite(name: str, table: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """The table's values as flat arrays, of at least one finite value each."""
    arrays = {key: np.asarray(values, np.float64).ravel() for key, values in table.items()}
    if not arrays or any(not len(x) or not np.isfinite(x).all() for x in arrays.values()):
        raise ParameterError(name, "a table of finite numbers, none of its rows empty", dict(table))
    return arrays


def _draw_grid(axes: Axes, first: int, last: int) -> None:
    """Rule lanes, beats and the bars from `first` up to `last`."""
    edges = -0.5, kit.N_VOICES - 0.5
    axes.set(xlim=(first, last), ylim=edges)
    axes.hlines(np.arange(-0.5, kit.N_VOICES), first, last, RULE, lw=0.8, clip_on=False)
    axes.vlines(np.arange(first, last, 0.25), *edges, RULE, lw=0.8)
    axes.vlines(np.arange(first, last + 1), *edges, INK, lw=1.1, clip_on=False, zorder=4)
    axes.set_yticks(range(kit.N_VOICES), [voice.label for voice in kit.VOICES], color=INK)
    axes.set_xticks(range(first, last), [f"{bar + 1}" for bar in range(first, last)])
    axes.tick_params(length=0, top=True, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)


def _draw_hits(
    axes: Axes, left: ArrayLike, lanes: ArrayLike, strength: ArrayLike, colors: Sequence[str]
) -> None:
    """Draw hits that start at `left` bars, of `strength` 0 to 1."""
    from matplotlib.colors import to_rgb

    part = np.asarray(strength, np.float64)
    ink, paper = np.array([to_rgb(color) for color in colors]).reshape(-1, 3), to_rgb(PAPER)
    tints = paper + (0.25 + 0.75 * part[:, None]) * (ink - paper)
    height = 0.28 + 0.52 * part
    # Where fast rolls overlap, an edge of paper keeps each onset visible; a hit that comes before
    # its row's first bar line is drawn whole.
    look: dict[str, Any] = {"color": tints, "edgecolor": PAPER, "lw": 0.5, "clip_on": False}
    axes.bar(left, height, _MARK, np.asarray(lanes) - height / 2, align="edge", zorder=3, **look)


def _draw_velocity_key(figure: Figure, left: float, top: float) -> None:
    axes = _axes(figure, left, top, 0.2 * _BAR, _LANE)
    axes.set(xlim=(0, 0.2), ylim=(-0.5, 0.5))
    _draw_hits(axes, np.arange(5) / 24, np.zeros(5), np.linspace(0.1, 1, 5), [INK] * 5)
    axes.text(0.21, 0, "velocity, from soft to hard", va="center", color=MUTED, fontsize=8)
    axes.set_axis_off()


@contextmanager
def _page(path: Path, width: float, height: float, title: str, note: str) -> Iterator[Figure]:
    """A sheet of `width` by `height` inches with its header, written when the block ends well."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _DRAWING, style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), dpi=_DPI)
        FigureCanvasAgg(figure)
        room = int(9 * (width - 2 * _MARGIN))
        title = title if len(title) <= room else title[: room - 1] + "…"
        left = _MARGIN / width
        figure.text(left, 1 - 0.38 / height, title, size=13, weight="bold")
        figure.text(left, 1 - 0.6 / height, note, color=MUTED)
        yield figure
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes by inches from the figure's left and top edges."""
    across, down = figure.get_size_inches()
    bottom = 1 - (top + height) / down
    return figure.add_axes((left / across, bottom, width / across, height / down))

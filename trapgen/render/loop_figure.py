"""A loop as a grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from trapgen.core import DrumLoop, kit
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
    VERMILION,
    axes_at,
    sheet,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_VOICE_COLORS: Final = (INK, VERMILION, BLUE, BLUE, GREEN, GREEN, GREEN, PURPLE, PURPLE)
# Inches.
_LABELS, _BAR, _LANE = 1.1, 2.6, 0.26
_BARS_PER_ROW: Final = 4
_MARK: Final = 1 / 38  # width of a hit, in bars


def draw_loop(loop: DrumLoop, path: Path, *, title: str = "") -> None:
    """Draw a loop as a grid: one row per voice, the kick at the bottom, four bars per line.

    A hit is drawn where it sounds, microtiming included; a harder hit is darker and taller.

    Args:
        loop: The loop.
        path: The PNG file; its folder is created.
        title: Headline; by default the loop's id.
    """
    rows, bars = -(-loop.n_bars // _BARS_PER_ROW), min(loop.n_bars, _BARS_PER_ROW)
    lanes = kit.N_VOICES * _LANE
    pitch = lanes + 0.4
    width, height = _LABELS + bars * _BAR + MARGIN, HEADER + rows * pitch + 0.25
    tempo = "tempo unknown" if loop.bpm is None else f"{loop.bpm:g} bpm"
    note = (
        f"{_count(loop.n_bars, 'bar')} · {tempo} · {loop.steps_per_bar} steps a bar · "
        f"{_count(loop.n_onsets, 'hit')}"
    )
    row_of_step = np.arange(loop.n_steps) // loop.steps_per_bar // _BARS_PER_ROW
    with sheet(path, width, height, title or loop.lineage.loop_id or "Loop", note) as figure:
        for row in range(rows):
            first = row * _BARS_PER_ROW
            last = min(first + _BARS_PER_ROW, loop.n_bars)
            top = HEADER + 0.15 + row * pitch
            axes = axes_at(figure, _LABELS, top, (last - first) * _BAR, lanes)
            _draw_grid(axes, first, last)
            steps, voices = np.nonzero(loop.onsets & (row_of_step == row)[:, None])
            bars_in = (steps + loop.offsets[steps, voices]) / loop.steps_per_bar
            colors = [_VOICE_COLORS[voice] for voice in voices]
            _draw_hits(axes, bars_in, voices, loop.velocities[steps, voices] / 127, colors)
        _draw_velocity_key(figure, _LABELS, height - 0.33)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _draw_grid(axes: Axes, first: int, last: int) -> None:
    """Draw lines of voices, beats and the bars from `first` up to `last`."""
    edges = -0.5, kit.N_VOICES - 0.5
    axes.set(xlim=(first, last), ylim=edges)
    axes.hlines(np.arange(-0.5, kit.N_VOICES), first, last, RULE, lw=0.8, clip_on=False)
    axes.vlines(np.arange(first, last, 0.25), *edges, RULE, lw=0.8)
    axes.vlines(np.arange(first, last + 1), *edges, INK, lw=1.1, clip_on=False, zorder=4)
    # Ticks would take three times as long.
    for lane, voice in enumerate(kit.VOICES):
        axes.annotate(
            voice.label, (first, lane), (-3.5, 0), **_beside("right", "center_baseline", INK)
        )
    for bar in range(first, last):
        axes.annotate(
            f"{bar + 1}", (bar, edges[1]), (0, 3.5), **_beside("center", "baseline", MUTED)
        )
    axes.set_axis_off()


def _beside(across: str, along: str, color: str) -> dict[str, Any]:
    """Keyword arguments of text some points beside a position in the axes."""
    return {"textcoords": "offset points", "ha": across, "va": along, "color": color}


def _draw_hits(
    axes: Axes, left: ArrayLike, lanes: ArrayLike, strength: ArrayLike, colors: Sequence[str]
) -> None:
    """Draw hits that start at `left` bars, of `strength` 0 to 1."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    part = np.asarray(strength, np.float64)
    ink, paper = np.array([to_rgb(color) for color in colors]).reshape(-1, 3), to_rgb(PAPER)
    tints = paper + (0.25 + 0.75 * part[:, None]) * (ink - paper)
    half = (0.28 + 0.52 * part) / 2
    low, high = np.asarray(lanes) - half, np.asarray(lanes) + half
    right = np.asarray(left) + _MARK
    corners = np.array([[left, low], [left, high], [right, high], [right, low]])
    # Where fast rolls overlap, a paper-colored edge keeps each onset visible; a hit before its
    # line's first bar line is drawn completely.
    axes.add_collection(
        PolyCollection(
            list(corners.transpose(2, 0, 1)),
            facecolors=tints,
            edgecolors=PAPER,
            linewidths=0.5,
            clip_on=False,
            zorder=3,
        ),
        autolim=False,
    )


def _draw_velocity_key(figure: Figure, left: float, top: float) -> None:
    axes = axes_at(figure, left, top, 0.2 * _BAR, _LANE)
    axes.set(xlim=(0, 0.2), ylim=(-0.5, 0.5))
    _draw_hits(axes, np.arange(5) / 24, np.zeros(5), np.linspace(0.1, 1, 5), [INK] * 5)
    axes.text(0.21, 0, "velocity, from soft to hard", va="center", color=MUTED, fontsize=8)
    axes.set_axis_off()

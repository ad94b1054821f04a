"""Style of all figures: dark ink on off-white paper, the colors of Okabe and Ito.

Okabe and Ito 2008, "Color Universal Design", chose colors that are distinct for every kind of color
vision.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import ParameterError, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, MUTED, RULE, SHADE = "#FBFAF7", "#22262E", "#6B7079", "#E2DFD8", "#C4C6CB"
# Okabe and Ito's colors except purple, which is too pale for soft hits on paper.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#A2518A"

_STYLE: Final = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), MUTED),
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same glyphs on every machine
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
HEADER, MARGIN = 0.85, 0.3
# matplotlib keeps its style in one global table.
_DRAWING: Final = threading.Lock()


def can_draw() -> bool:
    """Whether matplotlib is there, which the extra `pictures` installs."""
    return find_spec("matplotlib") is not None


def finite(name: str, table: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """The table's values as flat arrays, each with at least one value, all finite."""
    arrays = {key: np.asarray(values, np.float64).ravel() for key, values in table.items()}
    if not arrays or any(not len(x) or not np.isfinite(x).all() for x in arrays.values()):
        raise ParameterError(name, "a table of finite numbers, none of its rows empty", dict(table))
    return arrays


@contextmanager
def sheet(path: Path, width: float, height: float, title: str, note: str) -> Iterator[Figure]:
    """A figure of `width` by `height` inches with a header, written if the block succeeds."""
    from matplotlib import image, style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _DRAWING, style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), dpi=_DPI)
        canvas: Any = FigureCanvasAgg(figure)
        room = int(9 * (width - 2 * MARGIN))
        title = title if len(title) <= room else title[: room - 1] + "…"
        left = MARGIN / width
        figure.text(left, 1 - 0.38 / height, title, size=13, weight="bold")
        figure.text(left, 1 - 0.6 / height, note, color=MUTED)
        yield figure
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    with replacing(path) as temporary:
        # Needs no style: another figure may be drawn concurrently.
        software: Any = {"Software": None}
        image.imsave(temporary, pixels, format="png", dpi=_DPI, origin="upper", metadata=software)


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes by inches from the figure's left and top edges."""
    across, down = figure.get_size_inches()
    bottom = 1 - (top + height) / down
    return figure.add_axes((left / across, bottom, width / across, height / down))

"""The packaged models: loops can be generated without training.

One model per grid, in a folder named by its steps per bar. Its `MODEL_CARD.md` states training
data, licenses, quality and limits. `python -m training.pretrain` reproduces such a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trapgen.core.errors import ParameterError

NAME: Final = "factory"
"""Name of the packaged model where a model's folder is expected."""

GRIDS: Final = (16, 32)
"""Steps per bar of the packaged models."""

DEFAULT_GRID: Final = 32


def factory_folder(steps_per_bar: int = DEFAULT_GRID) -> Path:
    """Folder of the packaged model of a grid.

    Raises:
        ParameterError: There is no model for the grid.
    """
    if steps_per_bar not in GRIDS:
        raise ParameterError("steps_per_bar", f"one of {GRIDS} for this model", steps_per_bar)
    return Path(__file__).parent / str(steps_per_bar)

"""The models that come with the package: nothing has to be trained before the first loop.

One a grid, in a folder named by its steps a bar. `MODEL_CARD.md` in it says what the model learned
from, under which licenses, how good it is and where it ends. `python -m training.pretrain` makes
such a folder again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trapgen.core.errors import ParameterError

NAME: Final = "factory"
"""What stands for a packaged model where a folder is asked for."""

GRIDS: Final = (16, 32)
"""Steps a bar that there is a model for."""

DEFAULT_GRID: Final = 32


def factory_folder(steps_per_bar: int = DEFAULT_GRID) -> Path:
    """The folder of the packaged model of a grid.

    Raises:
        ParameterError: There is none.
    """
    if steps_per_bar not in GRIDS:
        raise ParameterError("steps_per_bar", f"one of {GRIDS} for this model", steps_per_bar)
    return Path(__file__).parent / str(steps_per_bar)

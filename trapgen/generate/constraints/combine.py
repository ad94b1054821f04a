"""All constraints of a draw, combined over the loop's cells.

A cell is a voice at a step. A combined constraint holds cells that must or may sound, ranges of
hits per bar and voice, minimum hits in a region of a bar, and whether the hats exclude each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, ParameterError, SampleParams, to_onsets
from trapgen.generate.constraints.parse import (
    HATS,
    Constraint,
    RegionMinimum,
    ask_for_fills,
    ask_for_rolls,
    find_voice,
    forbid,
    limit_density,
    lock,
    require,
)
from trapgen.generate.prompt import Prompt


@dataclass(frozen=True, eq=False)
class CombinedConstraints:
    """Combined constraints on a loop.

    Attributes:
        steps_per_bar: The grid.
        must: `(n_steps, 9)` bool, cells that must sound.
        may: `(n_steps, 9)` bool, cells that may sound.
        least: `(9,)` int64, minimum hits per bar.
        most: `(9,)` int64, maximum hits per bar.
        choke: Whether open and closed hat never sound together.
        groups: Regions with a minimum of hits: at most one of the hats and one of other voices.
    """

    steps_per_bar: int
    must: NDArray[np.bool_]
    may: NDArray[np.bool_]
    least: NDArray[np.int64]
    most: NDArray[np.int64]
    choke: bool
    groups: tuple[RegionMinimum, ...]

    @property
    def n_bars(self) -> int:
        """Length in bars."""
        return len(self.must) // self.steps_per_bar


def parse_constraints(
    params: SampleParams, prompt: Prompt, steps_per_bar: int, roll_bars: NDArray[np.bool_]
) -> list[Constraint]:
    """Parse the constraints of a draw.

    Args:
        params: The controls.
        prompt: Holds the locked voices.
        steps_per_bar: The grid.
        roll_bars: `(n_bars,)` bars that get a hat hit between the 16ths, if `rolls` is set; other
            bars get none.

    Raises:
        ParameterError: A control cannot be read.
    """
    bars = params.bars
    constraints: list[Constraint] = []
    if params.lock:
        if prompt.locked is None:
            raise ParameterError("sample.lock", "given with the loop that has the voices", "none")
        voices = [find_voice("sample.lock", name) for name in params.lock]
        constraints += lock(voices, to_onsets(prompt.locked))
    constraints += [require(text, bars, steps_per_bar) for text in params.require]
    constraints += [forbid(text, bars, steps_per_bar) for text in params.forbid]
    constraints += [limit_density(text, steps_per_bar) for text in params.density]
    if params.choke:
        constraints.append(Constraint("choke", choke=True))
    if params.rolls is not None:
        constraints.append(ask_for_rolls(params.rolls, roll_bars, steps_per_bar))
    if params.fills > bars:
        rule = f"at most sample.bars, {bars}, for a fill to fit"
        raise ParameterError("sample.fills", rule, params.fills)
    if params.fills:
        constraints.append(ask_for_fills(params.fills, bars, steps_per_bar))
    return constraints


def combine(
    constraints: Sequence[Constraint], n_bars: int, steps_per_bar: int
) -> CombinedConstraints:
    """Combine constraints, which may be unsatisfiable."""
    shape = (n_bars * steps_per_bar, N_VOICES)
    must, may = np.zeros(shape, np.bool_), np.ones(shape, np.bool_)
    least, most = np.zeros(N_VOICES, np.int64), np.full(N_VOICES, steps_per_bar)
    for constraint in constraints:
        must |= False if constraint.must is None else constraint.must
        may &= True if constraint.may is None else constraint.may
        least = least if constraint.least is None else np.maximum(least, constraint.least)
        most = most if constraint.most is None else np.minimum(most, constraint.most)
    choke = any(constraint.choke for constraint in constraints)
    if choke:
        # A hat that must sound excludes the other hat at that step.
        may[:, HATS] &= ~must[:, HATS[::-1]]
    groups = tuple(constraint.group for constraint in constraints if constraint.group)
    return CombinedConstraints(steps_per_bar, must, may, least, most, choke, groups)

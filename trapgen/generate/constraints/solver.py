"""Example solution of all constraints, found before decoding.

It proves that the constraints are satisfiable, and is the fallback while decoding: one of its hits
is forced only if too few would be left without it (see `trapgen.generate.constraints.mask`). Its
hits are drawn at random, with more weight on metrically strong steps, so that forced hits do not
cluster at the end of the bar.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, N_VOICES, ParameterError
from trapgen.generate.constraints.combine import CombinedConstraints, combine
from trapgen.generate.constraints.parse import HATS, Constraint, RegionMinimum

Cells = NDArray[np.bool_]


def solve_constraints(combined: CombinedConstraints, rng: np.random.Generator) -> Cells | None:
    """`(n_steps, 9)` onsets that satisfy all constraints with the fewest hits, or None.

    The search is exact: None proves that no solution exists.

    Args:
        combined: The constraints.
        rng: Chooses among equally good cells.
    """
    strength = np.log(_strengths(combined.steps_per_bar))[:, None]
    bars = []
    for bar in range(combined.n_bars):
        # Gumbel top-k: the highest perturbed logarithms are a weighted draw without replacement.
        preference = strength + rng.gumbel(size=(combined.steps_per_bar, N_VOICES))
        found = _Bar(combined, bar, preference).solve()
        if found is None:
            return None
        bars.append(found)
    return np.concatenate(bars)


def check_constraints(constraints: Sequence[Constraint], n_bars: int, steps_per_bar: int) -> None:
    """Check that all constraints can be satisfied together.

    Raises:
        ParameterError: They cannot. The message names a minimal conflicting set: without any one
            of its members the others can be satisfied.
    """

    def is_possible(some: Sequence[Constraint]) -> bool:
        combined = combine(some, n_bars, steps_per_bar)
        return solve_constraints(combined, np.random.default_rng(0)) is not None

    if is_possible(constraints):
        return
    core = list(constraints)
    for constraint in constraints:
        others = [each for each in core if each is not constraint]
        if not is_possible(others):
            core = others
    first, *rest = (constraint.name for constraint in core)
    grid = f"{n_bars} bars of {steps_per_bar} steps"
    if not rest:
        raise ParameterError(first, "possible on its own", grid)
    raise ParameterError(first, f"compatible with {' and '.join(rest)}", grid)


def _strengths(steps_per_bar: int) -> NDArray[np.float64]:
    """`(steps_per_bar,)` weights: 16 on a beat, 8 on an 8th, 4 on a 16th, else 1."""
    steps = np.arange(steps_per_bar)
    strengths = np.ones(steps_per_bar)
    for parts, strength in ((16, 4), (8, 8), (BEATS_A_BAR, 16)):
        strengths[steps * parts % steps_per_bar == 0] = strength
    return strengths


class _Bar:
    """The search in one bar; no constraint crosses a bar line."""

    def __init__(
        self, combined: CombinedConstraints, bar: int, preference: NDArray[np.float64]
    ) -> None:
        at = slice(bar * combined.steps_per_bar, (bar + 1) * combined.steps_per_bar)
        self.must, self.may = combined.must[at], combined.may[at]
        self.combined, self.bar, self.preference = combined, bar, preference
        groups = [group for group in combined.groups if group.least[bar]]
        self.rolls = [group for group in groups if group.region[:, HATS].any()]
        self.fills = [group for group in groups if not group.region[:, HATS].any()]

    def solve(self) -> Cells | None:
        is_over = self.must.sum(axis=0) > self.combined.most
        if (self.must & ~self.may).any() or (self.combined.least > self.combined.most).any():
            return None
        chosen = None if is_over.any() else self._solve_hats()
        if chosen is None:
            return None
        wanted = self.fills[0].region if self.fills else np.zeros_like(chosen)
        for voice in set(range(N_VOICES)) - set(HATS):
            free = self.may[:, voice] & ~chosen[:, voice]
            need = max(0, int(self.combined.least[voice] - chosen[:, voice].sum()))
            # Hits that also count toward a fill come first.
            best_first = self._order(self.preference[:, voice] + 1e3 * wanted[:, voice], free)
            if need > len(best_first):
                return None
            chosen[best_first[:need], voice] = True
        is_full = all(self._fill(chosen, group) for group in self.fills)
        return chosen if is_full else None

    def _fill(self, chosen: Cells, group: RegionMinimum) -> bool:
        """Add the hits that a group still needs; False if there is no room."""
        short = int(group.least[self.bar] - chosen[group.region].sum())
        for step, voice in self._cells(group.region & self.may & ~chosen):
            if short > 0 and chosen[:, voice].sum() < self.combined.most[voice]:
                chosen[step, voice] = True
                short -= 1
        return short <= 0

    def _solve_hats(self) -> Cells | None:
        """Both hats; for a roll, each of its cells is tried in turn."""
        if not self.rolls or self.must[self.rolls[0].region].any():
            return self._try_hats(self.must)
        for step, voice in self._cells(self.rolls[0].region & self.may):
            tried = self.must.copy()
            tried[step, voice] = True
            is_choked = self.combined.choke and tried[step, HATS].all()
            if not is_choked and tried[:, voice].sum() <= self.combined.most[voice]:
                solved = self._try_hats(tried)
                if solved is not None:
                    return solved
        return None

    def _try_hats(self, chosen: Cells) -> Cells | None:
        """Add the hats' minimum hits to those chosen; None if they do not fit.

        With choke, each step holds at most one hat: of the steps that both may use, the open hat
        takes no more than the closed hat can spare.
        """
        chosen = chosen.copy()
        closed, opened = HATS
        free: Cells = np.logical_and(self.may[:, HATS], ~chosen[:, HATS])
        need = np.maximum(0, self.combined.least[list(HATS)] - chosen[:, HATS].sum(axis=0))
        shared: Cells = np.zeros(len(free), np.bool_)
        spare = 0
        if self.combined.choke:
            free[chosen[:, HATS[::-1]]] = False
            shared = np.logical_and(free[:, 0], free[:, 1])
            spare = int(shared.sum() - max(0, need[0] - (free[:, 0] & ~shared).sum()))
        for step in self._order(self.preference[:, opened], free[:, 1]):
            if need[1] and (not shared[step] or spare > 0):
                chosen[step, opened] = True
                need[1] -= 1
                free[step, 0] &= not shared[step]
                spare -= int(shared[step])
        left = self._order(self.preference[:, closed], free[:, 0])
        if need[1] or need[0] > len(left):
            return None
        chosen[left[: need[0]], closed] = True
        return chosen

    def _cells(self, cells: Cells) -> list[tuple[int, int]]:
        """Step and voice of each cell, most preferred first."""
        order = self._order(self.preference.ravel(), cells.ravel())
        return [divmod(cell, N_VOICES) for cell in order]

    def _order(self, preference: NDArray[np.float64], among: Cells) -> list[int]:
        """Indices where `among` is true, most preferred first."""
        order: list[int] = np.argsort(-np.where(among, preference, -np.inf), kind="stable").tolist()
        return order[: int(among.sum())]

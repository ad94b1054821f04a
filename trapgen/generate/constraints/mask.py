"""Mask of allowed words at each step, never empty, such that all constraints hold.

Apart from cells that must or may sound, the mask maintains three invariants per voice and bar:

- hits so far plus the example solution's later hits reach the minimum;
- hits so far plus later hits that must sound stay within the maximum;
- in a group's region, hits so far plus the example solution's later hits, as far as the voices'
  maxima leave room for them, reach the minimum.

The example solution satisfies all constraints, so the invariants hold at the start of a bar. If
they hold before a step, at least one word preserves them: the cells that must sound, plus hits of
the example solution where a minimum would otherwise be missed. The mask is therefore never empty,
and at the end of a bar, with no later hits, the invariants are the constraints themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_VOICES, N_WORDS, ParameterError, to_onsets
from trapgen.generate.constraints.combine import CombinedConstraints
from trapgen.generate.constraints.parse import HATS
from trapgen.model import Tokens

_ONSETS = to_onsets(np.arange(N_WORDS))
_BITS = 2 ** np.arange(N_VOICES - 1, -1, -1)
_BOTH_HATS = _ONSETS[:, HATS].all(axis=1)


class ConstraintMask:
    """Allowed words of several loops that are decoded side by side.

    Args:
        combined: One per loop; all from the same controls, and therefore with the same groups.
        found: `(n_steps, 9)` bool per loop, an example solution (see `solve_constraints`).

    Raises:
        ParameterError: Some loop has no solution.
    """

    def __init__(
        self, combined: Sequence[CombinedConstraints], found: Sequence[NDArray[np.bool_] | None]
    ) -> None:
        if any(each is None for each in found):
            raise ParameterError("constraints", "possible", "a contradiction")
        solutions = np.stack([each for each in found if each is not None])
        first = combined[0]
        self._steps_per_bar = first.steps_per_bar
        self._must = np.stack([each.must for each in combined])
        self._may = np.stack([each.may for each in combined])
        self._least, self._most, self._choke = first.least, first.most, first.choke
        self._solution_after = self._count_after(solutions)
        self._must_after = self._count_after(self._must)
        self._counts = np.zeros((len(combined), N_VOICES), np.int64)
        self._groups = [
            _RegionMask(
                region=group.region,
                least=np.stack([each.groups[at].least for each in combined]),
                solution_after=self._count_after(self._within(solutions, group.region)),
                must_outside_after=self._count_after(self._within(self._must, ~group.region)),
            )
            for at, group in enumerate(first.groups)
        ]

    def allow(self, step: int) -> NDArray[np.bool_]:
        """`(n_loops, 512)` bool: allowed words at a step."""
        counts, most = self._counts, self._most
        short = counts + self._solution_after[:, step] < self._least
        full = counts + self._must_after[:, step] >= most
        needed = ((self._must[:, step] | short) @ _BITS)[:, None]
        barred = ((~self._may[:, step] | full) @ _BITS)[:, None]
        words = np.arange(N_WORDS)
        allowed: NDArray[np.bool_] = (words & needed == needed) & (words & barred == 0)
        if self._choke:
            allowed[:, _BOTH_HATS] = False
        for group in self._groups:
            allowed[~group.allow(step, self._steps_per_bar, counts, most)] = False
        return allowed

    def advance(self, step: int, words: Tokens) -> None:
        """Update the counts with the `(n_loops,)` words written at a step."""
        onsets = to_onsets(words)
        self._counts += onsets
        is_last = (step + 1) % self._steps_per_bar == 0
        if is_last:
            self._counts[:] = 0
        for group in self._groups:
            group.advance(onsets & group.region[step % self._steps_per_bar], is_last)

    def _within(self, cells: NDArray[np.bool_], region: NDArray[np.bool_]) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = cells & np.tile(
            region, (cells.shape[1] // self._steps_per_bar, 1)
        )
        return result

    def _count_after(self, cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        """`(n_loops, n_steps, 9)`: number of cells after each step in its bar."""
        bars = cells.reshape(len(cells), -1, self._steps_per_bar, N_VOICES).astype(np.int64)
        after = bars[:, :, ::-1].cumsum(axis=2)[:, :, ::-1] - bars
        return after.reshape(cells.shape)


class _RegionMask:
    """Mask for a minimum of hits in a region of a bar."""

    def __init__(
        self,
        region: NDArray[np.bool_],
        least: NDArray[np.int64],
        solution_after: NDArray[np.int64],
        must_outside_after: NDArray[np.int64],
    ) -> None:
        self.region = region
        self._least, self._solution_after = least, solution_after
        self._must_outside_after = must_outside_after
        self._count = np.zeros(len(least), np.int64)

    def allow(
        self, step: int, steps_per_bar: int, counts: NDArray[np.int64], most: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """`(n_loops, 512)` bool: allowed words at a step."""
        bar, within = divmod(step, steps_per_bar)
        room = most - counts - self._must_outside_after[:, step]
        to_come = self._solution_after[:, step]
        without = np.minimum(to_come, room)
        with_hit = np.minimum(to_come, room - 1) + self.region[within]
        reached = self._count + without.sum(axis=1)
        gain = (with_hit - without) @ _ONSETS.T
        result: NDArray[np.bool_] = reached[:, None] + gain >= self._least[:, bar, None]
        return result

    def advance(self, hits: NDArray[np.bool_], is_last: bool) -> None:
        """Update the count with the `(n_loops, 9)` hits inside the region."""
        self._count += hits.sum(axis=1)
        if is_last:
            self._count[:] = 0

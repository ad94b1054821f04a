"""The geometry of small charts, as shares of their width: type keeps its size on every screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trapgen.audit import Chance

_ENDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_MAX_TICKS: Final = 6
UNKNOWN: Final = Chance(0.0, 0.0, 0.0, 0, "not known")


@dataclass(frozen=True, slots=True)
class Share:
    """A share from 0 to 1 beside its interval by chance.

    Attributes:
        key: What it is a share of: a word, a number of bars, or a distance.
        found: The share.
        chance: The same between independent splits.
        near: The same, near matches included; 0 if it is not shown.
    """

    key: str | float
    found: float
    chance: Chance = UNKNOWN
    near: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it lies over its interval."""
        return self.chance.replicates > 0 and self.found > self.chance.high


@dataclass(frozen=True, slots=True)
class Chart:
    """Shares on one axis that begins at 0: bars under each other, or points of a curve.

    Attributes:
        rows: The shares; the keys of a curve are numbers that rise.
    """

    rows: Sequence[Share]

    @property
    def reach(self) -> float:
        """The end of the axis, a round share over all of them."""
        most = max(
            max(row.found, row.near, row.chance.high if row.chance.replicates else 0)
            for row in self.rows
        )
        return next((end for end in _ENDS if end >= 1.1 * most), 1.0)

    @property
    def known(self) -> bool:
        """Whether chance is known for all of them."""
        return all(row.chance.replicates for row in self.rows)

    @property
    def ticks(self) -> Sequence[Share]:
        """Points to name: the last, which is the threshold of the gate, and some before it."""
        return self.rows[::-1][:: -(-(len(self.rows) - 1) // _MAX_TICKS)]

    def along(self, share: float) -> float:
        """Where a share lies on the axis, in percent of its length."""
        return 100 * min(max(share / self.reach, 0), 1)

    def across(self, key: float) -> float:
        """Where a point of a curve lies, in percent of the width."""
        first, last = (float(self.rows[at].key) for at in (0, -1))
        return 100 * (key - first) / (last - first)

    def point(self, key: float, share: float) -> str:
        """A point of a curve in a box of 100 by 100, from the top left."""
        return f"{self.across(key):.2f},{100 - self.along(share):.2f}"

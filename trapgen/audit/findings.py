"""What an audit finds, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trapgen.loop import DrumLoop

Sided = Sequence[tuple[str, DrumLoop]]
"""Sides and loops."""


@dataclass(frozen=True, slots=True)
class Chance:
    """How much of the other sides' bars stands in train when the sides are independent.

    Attributes:
        mean: Mean share over the draws.
        low: Its 2.5th percentile.
        high: Its 97.5th percentile.
        replicates: Number of draws.
        method: How sides were drawn, or why they were not.
    """

    mean: float
    low: float
    high: float
    replicates: int
    method: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """A pair across sides that is over the threshold; a row of `overlap.parquet`."""

    train_loop: str
    other_loop: str
    side: str
    kind: str
    distance: float
    transform: str
    voices: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What deduplication did with a loop; a row of `survivors.parquet`."""

    loop_id: str
    side: str
    kept: bool
    reason: str


@dataclass(frozen=True)
class Audit:
    """Everything that the audit found; `summary` gives what `summary.json` holds.

    `n_pairs` counts all pairs by kind; `pairs` lists the nearest of each kind.
    """

    protocol: str
    n_loops: dict[str, int]
    n_sources: dict[str, int]
    effective_sources: dict[str, float]
    exact_bar_overlap: float
    exact_bar_overlap_by_side: dict[str, float]
    near_bar_overlap: float
    exact_loop_overlap: float
    n_pairs: dict[str, int]
    pairs: tuple[Overlap, ...]
    chance: Chance
    self_test: dict[str, Any]
    reasons: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = field(default=(), repr=False)

    @property
    def n_leaks(self) -> int:
        """Pairs that no two independent sides have; a bar in common may be chance."""
        return self.count(*(kind for kind in self.n_pairs if kind != "exact_bar"))

    @property
    def gate(self) -> str:
        """`pass` or `refuse`."""
        return "refuse" if self.reasons else "pass"

    def count(self, *kinds: str) -> int:
        """Number of pairs of some kinds, listed or not."""
        return sum(self.n_pairs.get(kind, 0) for kind in kinds)

    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return {
            "protocol": self.protocol,
            "n_loops": self.n_loops,
            "n_sources": self.n_sources,
            "effective_sources": self.effective_sources,
            "exact_bar_overlap": self.exact_bar_overlap,
            "exact_bar_overlap_by_side": self.exact_bar_overlap_by_side,
            "near_bar_overlap": self.near_bar_overlap,
            "exact_loop_overlap": self.exact_loop_overlap,
            "near_duplicate_pairs": self.count("exact_loop", "near_loop"),
            "shared_source_pairs": self.count("shared_source"),
            "chance_overlap": asdict(self.chance),
            "self_test": self.self_test,
            "gate": self.gate,
            "reasons": list(self.reasons),
        }

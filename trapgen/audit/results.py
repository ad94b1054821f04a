"""Results of an audit, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from math import atan, cos, pi, sin
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trapgen.core import OVERLAP, SURVIVORS, DrumLoop, make_table, write_json, write_table
from trapgen.similarity import Transform

if TYPE_CHECKING:
    import pandas as pd

_ONCE_IN: Final = 1e-3

Sided = Sequence[tuple[str, DrumLoop]]
"""Pairs of split and loop."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Share of the other splits' bars that occur in train if the split is independent.

    Attributes:
        mean: Mean share over the draws.
        low: Its 2.5th percentile.
        high: Its 97.5th percentile.
        replicates: Number of draws.
        method: How splits were drawn, or why they were not.
        deviation: Standard deviation over the draws.
    """

    mean: float
    low: float
    high: float
    replicates: int
    method: str
    deviation: float = 0.0

    @property
    def limit(self) -> float:
        """Value that one more independent draw exceeds with a probability below 0.001.

        The upper end of Student's prediction interval, or `high` if that is larger.
        """
        if self.replicates < 2:
            return self.high
        score = _student_quantile(self.replicates - 1, 1 - _ONCE_IN)
        spread = self.deviation * (1 + 1 / self.replicates) ** 0.5
        return max(self.high, float(self.mean + score * spread))


@cache
def _student_quantile(freedom: int, probability: float) -> float:
    """The value below which a Student's t of `freedom` degrees lies with `probability` over 0.5.

    By halving the interval over the distribution's finite sums (Abramowitz & Stegun 1964, 26.7.3
    and 26.7.4).
    """
    low, high = 0.0, 1.0 / (1 - probability)
    while low < (middle := (low + high) / 2) < high:
        angle = atan(middle / freedom**0.5)
        term = total = 1.0 if freedom % 2 == 0 else cos(angle)
        for k in range(2 + freedom % 2, freedom, 2):
            term *= (k - 1) / k * cos(angle) ** 2
            total += term
        within = sin(angle) * total
        if freedom % 2:
            within = 2 / pi * (angle + (within if freedom > 1 else 0.0))
        low, high = (middle, high) if (1 + within) / 2 < probability else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class Overlap:
    """A pair across splits within a threshold; a row of `overlap.parquet`.

    Attributes:
        train_loop: Loop id of the training loop.
        other_loop: Loop id of the held-out loop.
        side: The held-out loop's split.
        kind: `exact_loop`, `near_loop`, `voice` (a whole voice), `window` (consecutive bars),
            `exact_bar` or `shared_source`.
        distance: Distance of the compared parts, from 0 (same hits) to 1; NaN for a shared source.
        transform: Maps the held-out loop onto the training loop.
        voices: Names of the voices that match, separated by commas; `all`; or the shared sources.
    """

    train_loop: str
    other_loop: str
    side: str
    kind: str
    distance: float
    transform: Transform
    voices: str

    def row(self) -> dict[str, Any]:
        """The row, with the transform as text."""
        return {**{key: getattr(self, key) for key in OVERLAP}, "transform": str(self.transform)}


@dataclass(frozen=True, slots=True)
class WindowOverlap:
    """Share of the held-out windows of one length that occur in train.

    Attributes:
        n_bars: Length of the windows, which begin at every bar, as in training.
        n_windows: Number of held-out windows with a hit.
        exact: Share of them that occur exactly in train.
        near: Share of them within the near-duplicate distance of a training window.
        chance: The exact share under independence.
    """

    n_bars: int
    n_windows: int
    exact: float
    near: float
    chance: Chance


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """Overlap at another threshold.

    Attributes:
        distance: The threshold.
        share: Share of the held-out loops with a training loop within it.
        chance: The same under independence.
    """

    distance: float
    share: float
    chance: Chance


@dataclass(frozen=True, slots=True)
class VoiceOverlap:
    """Overlap of whole voices.

    Attributes:
        share: Share of the held-out loops that equal a training loop, or share with one a voice
            pattern that is too specific to match by chance.
        chance: The same under independence.
    """

    share: float
    chance: Chance


@dataclass(frozen=True, slots=True)
class StartOverlap:
    """What held-out loops have in common with those that a start model has learned.

    Attributes:
        n_loops: Loops in the start model's training index, performances in excerpts.
        shared_source_pairs: Pairs of a learned and a held-out loop that share a source.
        near_duplicate_pairs: Pairs of them within the near-duplicate distance.
        pairs: These pairs.
    """

    n_loops: int
    shared_source_pairs: int
    near_duplicate_pairs: int
    pairs: tuple[Overlap, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """Deduplication's decision on a loop; a row of `survivors.parquet`."""

    loop_id: str
    side: str
    kept: bool
    reason: str


@dataclass(frozen=True)
class Audit:
    """All results of the audit; `summary` gives the content of `summary.json`.

    Attributes:
        protocol: How the split was made.
        n_loops: Loops by split.
        n_sources: Sources by split.
        effective_sources: Effective number of equally used sources, by split.
        effective_parts: Effective number of patterns of each voice, over all splits.
        exact_bar_overlap: Share of the held-out bars that occur in train.
        exact_bar_overlap_by_side: The same for each split.
        near_bar_overlap: Share of them within the near-duplicate distance of a bar in train.
        exact_loop_overlap: Share of the held-out loops that occur in train.
        n_pairs: Pairs by kind, listed or not.
        near_duplicate_pairs: Pairs of loops within the near-duplicate distance.
        pairs: The nearest of each kind.
        chance: `exact_bar_overlap` under independence.
        windows: Overlap of windows by their length.
        voices: Overlap of whole voices.
        sweep: Overlap at other thresholds; the last is that of kind `near_loop`.
        self_test: Planted leaks, and those found.
        reasons: Why the gate refuses; empty if it passes.
        decisions: Deduplication's decision on each loop.
        start: Overlap with what a start model has learned; None without one.
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
    near_duplicate_pairs: int = 0
    effective_parts: dict[str, float] = field(default_factory=dict)
    windows: tuple[WindowOverlap, ...] = ()
    voices: VoiceOverlap = VoiceOverlap(0.0, Chance(0.0, 0.0, 0.0, 0, "not measured"))
    sweep: tuple[SweepPoint, ...] = ()
    reasons: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = field(default=(), repr=False)
    start: StartOverlap | None = None

    @property
    def gate(self) -> str:
        """`pass` or `refuse`."""
        return "refuse" if self.reasons else "pass"

    def count(self, *kinds: str) -> int:
        """Number of pairs of some kinds, listed or not."""
        return sum(self.n_pairs.get(kind, 0) for kind in kinds)

    def overlap_table(self) -> pd.DataFrame:
        """The listed pairs, in the format of `overlap.parquet`."""
        pairs = (*self.pairs, *(self.start.pairs if self.start else ()))
        return make_table([pair.row() for pair in pairs], OVERLAP)

    def summary(self) -> dict[str, Any]:
        """Content of `summary.json`."""
        return {
            "protocol": self.protocol,
            "n_loops": self.n_loops,
            "n_sources": self.n_sources,
            "effective_sources": self.effective_sources,
            "effective_parts": self.effective_parts,
            "exact_bar_overlap": self.exact_bar_overlap,
            "exact_bar_overlap_by_side": self.exact_bar_overlap_by_side,
            "near_bar_overlap": self.near_bar_overlap,
            "exact_loop_overlap": self.exact_loop_overlap,
            "pairs": self.n_pairs,
            "near_duplicate_pairs": self.near_duplicate_pairs,
            "shared_source_pairs": self.count("shared_source"),
            "chance_overlap": _describe(self.chance),
            "windows": [_describe(window) for window in self.windows],
            "voices": _describe(self.voices),
            "sweep": [_describe(point) for point in self.sweep],
            "start": self.start
            and {
                "n_loops": self.start.n_loops,
                "shared_source_pairs": self.start.shared_source_pairs,
                "near_duplicate_pairs": self.start.near_duplicate_pairs,
            },
            "self_test": self.self_test,
            "gate": self.gate,
            "reasons": list(self.reasons),
        }


def _describe(value: Chance | WindowOverlap | VoiceOverlap | SweepPoint) -> dict[str, Any]:
    """Fields of a result, with the chance limit."""
    described = asdict(value)
    if isinstance(value, Chance):
        return {**described, "limit": value.limit}
    return {**described, "chance": _describe(value.chance)}


def write_tables(folder: Path, audit: Audit) -> None:
    """Write `overlap.parquet`, `survivors.parquet` and `summary.json` into a folder."""
    decisions = make_table([asdict(decision) for decision in audit.decisions], SURVIVORS)
    write_table(folder / "overlap.parquet", audit.overlap_table(), OVERLAP)
    write_table(folder / "survivors.parquet", decisions, SURVIVORS)
    write_json(folder / "summary.json", audit.summary())

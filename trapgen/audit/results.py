"""What an audit finds, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scipy.special import stdtrit

from trapgen.core import OVERLAP, SURVIVORS, DrumLoop, make_table, write_json, write_table
from trapgen.similarity import Transform

if TYPE_CHECKING:
    import pandas as pd

_ONCE_IN: Final = 1e-3

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
        """What one more independent draw exceeds less than once in a thousand times.

        The upper end of Student's prediction interval, and no less than `high`.
        """
        if self.replicates < 2:
            return self.high
        score = float(stdtrit(self.replicates - 1, 1 - _ONCE_IN))
        spread = self.deviation * (1 + 1 / self.replicates) ** 0.5
        return max(self.high, float(self.mean + score * spread))


@dataclass(frozen=True, slots=True)
class Overlap:
    """A pair across sides that is over the threshold; a row of `overlap.parquet`.

    Attributes:
        train_loop: Loop id of the training loop.
        other_loop: Loop id of the held-out loop.
        side: The held-out loop's side.
        kind: `exact_loop`, `near_loop`, `voice` (a lane taken over whole), `window` (some bars on
            end), `exact_bar` or `shared_source`.
        distance: Of what the kind compares, from 0 (the same hits) to 1; NaN for a shared source.
        transform: What maps the held-out loop onto the training loop.
        voices: The voices that it holds for, by name, comma between; `all`; or the shared sources.
    """

    train_loop: str
    other_loop: str
    side: str
    kind: str
    distance: float
    transform: Transform
    voices: str

    def row(self) -> dict[str, Any]:
        """The row, the transform in words."""
        return {**{key: getattr(self, key) for key in OVERLAP}, "transform": str(self.transform)}


@dataclass(frozen=True, slots=True)
class WindowOverlap:
    """How many of the held-out windows of some bars stand in train.

    Attributes:
        n_bars: Length of the windows; they begin at every bar, as training draws them.
        n_windows: Held-out windows with a hit in them.
        exact: Share of them that stand in train hit for hit.
        near: Share of them within the near-duplicate distance of one in train.
        chance: The exact share between independent sides.
    """

    n_bars: int
    n_windows: int
    exact: float
    near: float
    chance: Chance


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """What another threshold would report.

    Attributes:
        distance: The threshold.
        share: Share of the held-out loops with a training loop within it.
        chance: The same between independent sides.
    """

    distance: float
    share: float
    chance: Chance


@dataclass(frozen=True, slots=True)
class VoiceOverlap:
    """Lanes taken over whole.

    Attributes:
        share: Share of the held-out loops that are a training loop's, or have a lane of one that
            is no common pattern.
        chance: The same between independent sides.
    """

    share: float
    chance: Chance


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

    Attributes:
        protocol: How the sides were made.
        n_loops: Loops by side.
        n_sources: Sources by side.
        effective_sources: How many equally used sources would be as varied, by side.
        effective_parts: The same of the lanes of each voice, over all sides.
        exact_bar_overlap: Share of the held-out bars that stand in train.
        exact_bar_overlap_by_side: The same of each side.
        near_bar_overlap: Share of them within the near-duplicate distance of a bar in train.
        exact_loop_overlap: Share of the held-out loops that stand in train.
        n_pairs: Pairs by kind, listed or not.
        near_duplicate_pairs: Pairs of loops within the near-duplicate distance.
        pairs: The nearest of each kind.
        chance: What independent sides have of `exact_bar_overlap`.
        windows: Overlap of windows by their length.
        voices: Lanes taken over whole.
        sweep: What other thresholds would report; the last is that of kind `near_loop`.
        self_test: What was injected, and what of it was found.
        reasons: Why the gate refuses; empty if it lets the data pass.
        decisions: What deduplication did with each loop.
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

    @property
    def gate(self) -> str:
        """`pass` or `refuse`."""
        return "refuse" if self.reasons else "pass"

    def count(self, *kinds: str) -> int:
        """Number of pairs of some kinds, listed or not."""
        return sum(self.n_pairs.get(kind, 0) for kind in kinds)

    def overlap_table(self) -> pd.DataFrame:
        """The listed pairs, as `overlap.parquet` holds them."""
        return make_table([pair.row() for pair in self.pairs], OVERLAP)

    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
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
            "self_test": self.self_test,
            "gate": self.gate,
            "reasons": list(self.reasons),
        }


def _describe(value: Chance | WindowOverlap | VoiceOverlap | SweepPoint) -> dict[str, Any]:
    """A finding's fields, with the limit of what chance gives."""
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

"""The gate's figures beside their limits, those that refuse first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trapgen.audit import VOICE_TAKEN, Audit
from trapgen.core import AuditParams


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure that the gate looks at.

    Attributes:
        figure: What it is: `shared_source`, `near_duplicates`, both also with `start_` in front of
            what a start model has learned, `bars`, `windows`, `voices`,
            `similar`, `chance`, `sources`, `leaks` or `voice_leaks`.
        found: The figure.
        bound: Its limit.
        at_most: Whether the figure may be at most the limit, or must be at least that.
        n_bars: Length of the windows.
    """

    figure: str
    found: float
    bound: float
    at_most: bool = True
    n_bars: int = 0

    @property
    def holds(self) -> bool:
        """Whether the figure keeps the limit."""
        return self.found <= self.bound if self.at_most else self.found >= self.bound


def list_limits(audit: Audit, params: AuditParams) -> list[Limit]:
    """The figures that `trapgen.audit` judges, those that break their limit first."""
    return sorted(_list_limits(audit, params), key=lambda limit: limit.holds)


def _list_limits(audit: Audit, params: AuditParams) -> Iterator[Limit]:
    yield Limit("shared_source", audit.count("shared_source"), 0)
    yield Limit("near_duplicates", audit.near_duplicate_pairs, 0)
    if audit.start:
        yield Limit("start_shared_source", audit.start.shared_source_pairs, 0)
        yield Limit("start_near_duplicates", audit.start.near_duplicate_pairs, 0)
    bounds = {
        window.n_bars: min(window.chance.limit + params.overlap_tolerance, 1)
        for window in audit.windows
        if window.chance.replicates
    }
    bars = min(bounds.pop(1, params.max_overlap), params.max_overlap)
    yield Limit("bars", audit.exact_bar_overlap, bars)
    for window in audit.windows:
        if window.n_bars in bounds:
            yield Limit("windows", window.exact, bounds[window.n_bars], n_bars=window.n_bars)
    shares = [("voices", audit.voices.share, audit.voices.chance)]
    shares += [("similar", point.share, point.chance) for point in audit.sweep[-1:]]
    for figure, share, chance in shares:
        if chance.replicates:
            yield Limit(figure, share, min(chance.limit + params.overlap_tolerance, 1))
    yield Limit("chance", audit.chance.replicates, 1, at_most=False)
    sources = audit.effective_sources.get("train", 0.0)
    yield Limit("sources", sources, params.min_effective_sources, at_most=False)
    recall = audit.self_test["recall"]
    whole = [share for kind, share in recall.items() if kind != VOICE_TAKEN]
    yield Limit("leaks", min(whole, default=0.0), params.self_test_recall, at_most=False)
    voices = recall.get(VOICE_TAKEN, 1.0)
    yield Limit("voice_leaks", voices, params.self_test_voice_recall, at_most=False)

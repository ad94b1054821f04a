"""The gate: whether the data may be used for training."""

from __future__ import annotations

from trapgen.audit.leaks import VOICE_TAKEN
from trapgen.audit.results import Audit
from trapgen.core import AuditParams


def judge(found: Audit, params: AuditParams) -> list[str]:
    """Reasons to refuse the data, one sentence each; empty if the gate passes."""
    reasons = []
    sources = found.effective_sources.get("train", 0.0)
    if shared := found.count("shared_source"):
        reasons.append(
            f"{shared:,} pairs across splits share a source: the splits are not independent"
        )
    if near := found.near_duplicate_pairs:
        reasons.append(f"{near:,} pairs across splits are the same loop, or nearly")
    if found.start and found.start.shared_source_pairs:
        reasons.append(
            f"{found.start.shared_source_pairs:,} pairs of a held-out loop and one that the start "
            "model has learned share a source"
        )
    if found.start and found.start.near_duplicate_pairs:
        reasons.append(
            f"{found.start.near_duplicate_pairs:,} pairs of a held-out loop and one that the start "
            "model has learned are the same loop, or nearly"
        )
    if not found.chance.replicates:
        reasons.append(f"the chance baseline is {found.chance.method}")
    reasons += _over_chance(found, params)
    if found.exact_bar_overlap > params.max_overlap:
        reasons.append(
            f"{found.exact_bar_overlap:.1%} of held-out bars occur in train; "
            f"over {params.max_overlap:.0%}, no figure on them is meaningful"
        )
    if sources < params.min_effective_sources:
        reasons.append(
            f"train rests on {sources:.1f} effective sources; "
            f"{params.min_effective_sources - sources:.1f} more are needed"
        )
    if not found.self_test["recall"]:
        reasons.append(
            "the self-test could not run: no training loop is distinctive enough to be recognized"
        )
    weak = [
        f"{recall:.0%} of {kind} copies"
        for kind, recall in found.self_test["recall"].items()
        if recall < least_recall(kind, params)
    ]
    if weak:
        reasons.append(f"the self-test found only {', '.join(weak)}")
    return reasons


def least_recall(kind: str, params: AuditParams) -> float:
    """Share of the leaks of a kind that the search must find to be trusted."""
    return params.self_test_voice_recall if kind == VOICE_TAKEN else params.self_test_recall


def _over_chance(found: Audit, params: AuditParams) -> list[str]:
    """Overlap in excess of the chance baseline.

    Several shares are tested, so an independent split must not fail for one that lies slightly
    outside the interval that holds 95% of the draws.
    """
    shares = {
        **{
            f"held-out {'bars' if window.n_bars == 1 else f'windows of {window.n_bars} bars'} "
            "occur in train": (window.exact, window.chance)
            for window in found.windows
        },
        "held-out loops share a voice pattern with a training loop": (
            found.voices.share,
            found.voices.chance,
        ),
    }
    if found.sweep:
        widest = found.sweep[-1]
        shares["held-out loops are similar to a training loop"] = (widest.share, widest.chance)
    return [
        f"{share:.1%} of {what}; independent sources give up to {chance.limit:.1%}"
        for what, (share, chance) in shares.items()
        if chance.replicates and share > chance.limit + params.overlap_tolerance
    ]

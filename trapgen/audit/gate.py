"""The gate: when the data may be trained on."""

from __future__ import annotations

from trapgen.audit.findings import Audit
from trapgen.params import AuditParams


def judge(found: Audit, params: AuditParams) -> list[str]:
    """One sentence a reason to refuse the data; none if the gate lets it pass."""
    reasons = []
    sources = found.effective_sources.get("train", 0.0)
    if shared := found.count("shared_source"):
        reasons.append(f"{shared} pairs across sides share a source: the sides are not independent")
    if near := found.count("exact_loop", "near_loop"):
        reasons.append(f"{near} pairs across sides are the same loop, or nearly")
    limit = found.chance.high + params.overlap_tolerance
    if not found.chance.replicates:
        reasons.append(f"the chance baseline is {found.chance.method}")
    elif found.exact_bar_overlap > limit:
        reasons.append(
            f"{found.exact_bar_overlap:.1%} of held-out bars stand in train; "
            f"independent sources give up to {found.chance.high:.1%}"
        )
    if found.exact_bar_overlap > params.max_overlap:
        reasons.append(
            f"{found.exact_bar_overlap:.1%} of held-out bars stand in train; "
            f"over {params.max_overlap:.0%} no figure on them means anything"
        )
    if sources < params.min_effective_sources:
        reasons.append(
            f"train rests on {sources:.1f} effective sources; "
            f"{params.min_effective_sources - sources:.1f} more are needed"
        )
    if not found.self_test["recall"]:
        reasons.append(
            "the self-test could not run: no training loop has more than "
            f"{1 / params.near_duplicate_distance:.0f} hits"
        )
    if weak := {k: r for k, r in found.self_test["recall"].items() if r < params.self_test_recall}:
        listed = ", ".join(f"{recall:.0%} of {kind} copies" for kind, recall in weak.items())
        reasons.append(f"the self-test found only {listed}")
    return reasons

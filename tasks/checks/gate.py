"""What the gate allows of the audit's figures, said again as expectations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trapgen.audit import VOICE_TAKEN
from trapgen.core import AuditParams

if TYPE_CHECKING:
    import great_expectations as gx
    import pandas as pd


def make_gate_suite(summary: Mapping[str, Any], params: AuditParams) -> gx.ExpectationSuite:
    """What the gate allows of the audit's figures; what chance allows is among them."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    sources, recall = params.min_effective_sources, params.self_test_recall
    voice_recall = params.self_test_voice_recall
    bars = min(summary["chance_overlap"]["limit"] + params.overlap_tolerance, params.max_overlap)
    limits = {
        name: found["chance"]["limit"] + params.overlap_tolerance
        for name, _, found in _list_shares(summary)
    }
    return gx.ExpectationSuite(
        "gate",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column="exact_bar_overlap",
                min_value=0,
                max_value=bars,
                description=f"exact_bar_overlap must be from 0 to {bars:.4g}",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="chance_replicates",
                min_value=1,
                description="chance_replicates must be at least 1",
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="near_duplicate_pairs",
                value_set=[0],
                description="near_duplicate_pairs must be 0",
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="shared_source_pairs",
                value_set=[0],
                description="shared_source_pairs must be 0",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="effective_sources_train",
                min_value=sources,
                description=f"effective_sources_train must be at least {sources:.4g}",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="self_test_recall",
                min_value=recall,
                max_value=1,
                description=f"self_test_recall must be {_range(recall, 1)}",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="self_test_voice_recall",
                min_value=voice_recall,
                max_value=1,
                description=f"self_test_voice_recall must be {_range(voice_recall, 1)}",
            ),
            *(
                gxe.ExpectColumnValuesToBeBetween(
                    column=name,
                    min_value=0,
                    max_value=limit,
                    description=f"{name} must be {_range(0, limit)}",
                )
                for name, limit in limits.items()
            ),
        ],
    )


def list_figures(summary: Mapping[str, Any]) -> pd.DataFrame:
    """The audit's summary as a table of one row."""
    import pandas as pd

    recall = summary["self_test"]["recall"]
    figures = {
        "exact_bar_overlap": summary["exact_bar_overlap"],
        "chance_replicates": summary["chance_overlap"]["replicates"],
        "near_duplicate_pairs": summary["near_duplicate_pairs"],
        "shared_source_pairs": summary["shared_source_pairs"],
        "effective_sources_train": summary["effective_sources"].get("train", 0.0),
        "self_test_recall": min(
            (share for kind, share in recall.items() if kind != VOICE_TAKEN), default=0.0
        ),
        "self_test_voice_recall": recall.get(VOICE_TAKEN, 1.0),
    }
    shares = {name: share for name, share, _ in _list_shares(summary)}
    return pd.DataFrame([{**figures, **shares}])


def _list_shares(summary: Mapping[str, Any]) -> list[tuple[str, float, Mapping[str, Any]]]:
    """The shares whose chance was estimated: column, share, and where its chance stands."""
    voices, alike = summary["voices"], summary["sweep"][-1]
    shares = [
        *(
            (f"windows_of_{each['n_bars']}_bars", each["exact"], each)
            for each in summary["windows"][1:]
        ),
        ("loops_with_a_taken_voice", voices["share"], voices),
        ("loops_like_a_training_loop", alike["share"], alike),
    ]
    return [share for share in shares if share[2]["chance"]["replicates"]]


def _range(least: float, most: float) -> str:
    return f"{least:.4g}" if least == most else f"from {least:.4g} to {most:.4g}"

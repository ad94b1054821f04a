"""Checks of the pipeline's tables: manifest, loops, sources, overlap, and the gate's summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.checks.run import expect_filled, run_checks
from trapgen.audit import VOICE_TAKEN
from trapgen.core import KEY_MAPS, N_VOICES, PROTOCOLS, ROLES, SIDES, STEPS_PER_BAR, AuditParams

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.checks.run import Check


def expect_of_loops(more: Sequence[Expectation]) -> list[Expectation]:
    """Expectations of a table of loops, and `more`; columns of expectations have no gaps."""
    import great_expectations.expectations as gxe

    rules = [
        gxe.ExpectColumnValuesToBeUnique(column="loop_id", description="unique"),
        gxe.ExpectColumnValuesToBeUnique(column="path", description="unique"),
        gxe.ExpectColumnValuesToBeInSet(column="role", value_set=ROLES, description=_list(ROLES)),
        gxe.ExpectColumnValuesToBeBetween(
            column="bpm", min_value=20, max_value=400, description="from 20 to 400"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="n_bars", min_value=1, description="at least 1"),
        gxe.ExpectColumnValuesToBeInSet(
            column="steps_per_bar", value_set=STEPS_PER_BAR, description=_list(STEPS_PER_BAR)
        ),
        gxe.ExpectColumnValuesToBeBetween(column="n_onsets", min_value=1, description="at least 1"),
        *more,
    ]
    return [
        *expect_filled(*dict.fromkeys(rule.column for rule in rules)),
        *rules,
        # These columns are counted here, and have no gaps.
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="room",
            column_B="n_onsets",
            or_equal=True,
            description=f"at most n_bars x steps_per_bar x {N_VOICES}",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_sources", min_value=1, description="at least 1"
        ),
    ]


def expect_of_tables(protocol: str) -> dict[str, list[Expectation]]:
    """Expectations of manifest, loops, their sources, and overlap."""
    import great_expectations.expectations as gxe

    key_maps = ("name", "rhythm", "settled", *KEY_MAPS)
    read = [
        gxe.ExpectColumnValuesToBeInSet(
            column="key_map", value_set=key_maps, description=_list(key_maps)
        ),
        *(
            gxe.ExpectColumnValuesToBeBetween(
                column=column, min_value=0, max_value=most, description=f"from 0 to {most}"
            )
            for column, most in (
                ("key_map_confidence", 1),
                ("quantization_error_steps", 0.5),
                ("max_quantization_error_steps", 0.5),
            )
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="recommended_steps_per_bar",
            value_set=STEPS_PER_BAR,
            description=_list(STEPS_PER_BAR),
        ),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=c, min_value=0, description="at least 0")
            for c in ("leading_bars", "collapsed_onsets", "dropped_onsets")
        ),
    ]
    sided = gxe.ExpectColumnValuesToBeInSet(
        column="side", value_set=SIDES, description=_list(SIDES)
    )
    known = gxe.ExpectColumnValuesToBeInSet(
        column="in_manifest", value_set=[True], description="True"
    )
    apart = gxe.ExpectColumnValuesToBeInSet(
        column="sides", value_set=SIDES, description=_list(SIDES)
    )
    overlap = [
        *expect_filled("kind", "side"),
        gxe.ExpectColumnValuesToBeInSet(
            column="side", value_set=SIDES[1:], description=_list(SIDES[1:])
        ),
        gxe.ExpectColumnValuesToBeNull(
            column="leak",
            description="none: the loops share no source, and are neither the same nor nearly so",
        ),
        # Loops that only share a source have no distance.
        gxe.ExpectColumnValuesToBeBetween(
            column="distance", min_value=0, max_value=1, description="from 0 to 1"
        ),
    ]
    return {
        "manifest": [*expect_filled("feel", "published_split"), *expect_of_loops(read)],
        "loops": expect_of_loops([sided]),
        # Only the first protocol splits sources; with the others, the gate judges the overlap.
        "sources": [known, apart] if protocol == PROTOCOLS[0] else [known],
        "overlap": overlap,
    }


def _list(choices: Iterable[object]) -> str:
    return f"one of {', '.join(map(str, choices))}"


def check_tables(
    manifest: pd.DataFrame,
    loops: pd.DataFrame,
    overlap: pd.DataFrame,
    summary: Mapping[str, Any],
    docs: Path | None,
    params: AuditParams | None = None,
) -> list[str]:
    """Check the tables of the pipeline against their rules, and write Data Docs.

    Args:
        manifest: `data/standardized/manifest.parquet` (`trapgen.core.store.MANIFEST`).
        loops: `data/augmented/loops.parquet` (`trapgen.core.store.LOOPS`).
        overlap: `data/audit/overlap.parquet` (`trapgen.core.store.OVERLAP`).
        summary: Content of `data/audit/summary.json` (`trapgen.audit.Audit.summary`).
        docs: Folder of the Data Docs, replaced as a whole; None writes none.
        params: Limits of the gate; the defaults if None.

    Returns:
        One sentence per broken rule: table, column, rule, and the first few offending rows.

    Raises:
        TableError: A rule could not be evaluated on its table.
    """
    params = params or AuditParams()
    rules = expect_of_tables(summary["protocol"])
    checks = {
        "manifest": (_count_room(manifest), ["loop_id"], rules["manifest"]),
        "loops": (_count_room(loops), ["loop_id"], rules["loops"]),
        "sources": (_describe_sources(manifest, loops), ["source_id"], rules["sources"]),
        "overlap": (_mark_leaks(overlap, params), ["train_loop", "other_loop"], rules["overlap"]),
        "gate": _check_gate(summary, params),
    }
    return list(run_checks(checks, docs, "audit").failures)


def _count_room(table: pd.DataFrame) -> pd.DataFrame:
    """The table with each loop's maximum number of onsets, and its number of sources."""
    return table.assign(
        room=table["n_bars"] * table["steps_per_bar"] * N_VOICES,
        n_sources=table["source_ids"].map(len).astype("int64"),
    )


def _mark_leaks(overlap: pd.DataFrame, params: AuditParams) -> pd.DataFrame:
    """The table with the kind of each pair that no split may have; other pairs are only listed."""
    is_near = (overlap["kind"] == "near_loop") & (
        overlap["distance"] <= params.near_duplicate_distance
    )
    is_leak = is_near | overlap["kind"].isin(["shared_source", "exact_loop"])
    return overlap.assign(leak=overlap["kind"].where(is_leak).astype("str"))


def _describe_sources(manifest: pd.DataFrame, loops: pd.DataFrame) -> pd.DataFrame:
    """One row per source used by the loops: its splits, and whether the manifest has it."""
    used = loops[["source_ids", "side"]].explode("source_ids").dropna()
    sides = used.groupby("source_ids")["side"].agg(lambda found: " and ".join(sorted(set(found))))
    table = sides.astype("str").rename_axis("source_id").rename("sides").reset_index()
    return table.assign(in_manifest=table["source_id"].isin(manifest["source_ids"].explode()))


def _check_gate(summary: Mapping[str, Any], params: AuditParams) -> Check:
    """The audit's summary as a table of one row, with the gate's limits as expectations."""
    import great_expectations.expectations as gxe
    import pandas as pd

    chance, recall = summary["chance_overlap"], summary["self_test"]["recall"]
    most = min(chance["limit"] + params.overlap_tolerance, params.max_overlap)
    sources = summary["effective_sources"].get("train", 0.0)
    whole = min((share for kind, share in recall.items() if kind != VOICE_TAKEN), default=0.0)
    # By name: the figure, its minimum and its maximum.
    held: dict[str, tuple[float, float, float | None]] = {
        "exact_bar_overlap": (summary["exact_bar_overlap"], 0, most),
        "chance_replicates": (chance["replicates"], 1, None),
        "near_duplicate_pairs": (summary["near_duplicate_pairs"], 0, 0),
        "shared_source_pairs": (summary["shared_source_pairs"], 0, 0),
        "effective_sources_train": (sources, params.min_effective_sources, None),
        "self_test_recall": (whole, params.self_test_recall, 1),
        "self_test_voice_recall": (recall.get(VOICE_TAKEN, 1.0), params.self_test_voice_recall, 1),
    }
    windows = [(f"windows_of_{w['n_bars']}_bars", w["exact"], w) for w in summary["windows"][1:]]
    voices, alike = summary["voices"], summary["sweep"][-1]
    for name, share, each in (
        *windows,
        ("loops_with_a_taken_voice", voices["share"], voices),
        ("loops_like_a_training_loop", alike["share"], alike),
    ):
        if each["chance"]["replicates"]:
            held[name] = (share, 0, each["chance"]["limit"] + params.overlap_tolerance)
    rules = []
    for name, (_, least, most) in held.items():
        words = f"at least {least:.4g}" if most is None else f"from {least:.4g} to {most:.4g}"
        rules.append(
            gxe.ExpectColumnValuesToBeBetween(
                column=name,
                min_value=least,
                max_value=most,
                description=f"{least:.4g}" if least == most else words,
            )
        )
    return pd.DataFrame([{name: figures[0] for name, figures in held.items()}]), [], rules

"""The pipeline's own tables: manifest, loops, sources, overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.checks.gate import list_figures, make_gate_suite
from tasks.checks.run import Check, run_checks
from trapgen.core import (
    KEY_MAPS,
    N_VOICES,
    OWN,
    PROTOCOLS,
    READ_BY,
    ROLES,
    SIDES,
    STEPS_PER_BAR,
    TEMPO_ORIGINS,
    AuditParams,
)

if TYPE_CHECKING:
    from datetime import datetime

    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation


def expect_of_every_loop() -> list[Expectation]:
    """What a row of `manifest.parquet` and of `loops.parquet` must be."""
    import great_expectations.expectations as gxe

    # bpm may be empty: a tempo that neither file nor name states is unknown.
    filled = ("loop_id", "path", "role", "n_bars", "steps_per_bar", "n_onsets")
    return [
        # Other expectations pass over gaps.
        *(
            gxe.ExpectColumnValuesToNotBeNull(
                column=column, description=f"{column} must be filled in"
            )
            for column in filled
        ),
        gxe.ExpectColumnValuesToBeUnique(column="loop_id", description="loop_id must be unique"),
        gxe.ExpectColumnValuesToBeUnique(column="path", description="path must be unique"),
        gxe.ExpectColumnValuesToBeInSet(
            column="role", value_set=[*ROLES], description=f"role must be {_list(ROLES)}"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="bpm", min_value=20, max_value=400, description="bpm must be from 20 to 400"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_bars", min_value=1, description="n_bars must be at least 1"
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="steps_per_bar",
            value_set=[*STEPS_PER_BAR],
            description=f"steps_per_bar must be {_list(STEPS_PER_BAR)}",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_onsets", min_value=1, description="n_onsets must be at least 1"
        ),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="room",
            column_B="n_onsets",
            or_equal=True,
            description=f"n_onsets must be at most n_bars x steps_per_bar x {N_VOICES}",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="n_sources", min_value=1, description="n_sources must be at least 1"
        ),
    ]


def make_manifest_suite() -> gx.ExpectationSuite:
    """What `manifest.parquet` must be: a loop, and how its file was read."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    key_maps = (*READ_BY, OWN, *KEY_MAPS)
    errors = ("quantization_error_steps", "max_quantization_error_steps")
    counts = ("leading_bars", "collapsed_onsets", "dropped_onsets")
    filled = ("key_map", "key_map_confidence", *errors, "recommended_steps_per_bar", *counts)
    return gx.ExpectationSuite(
        "manifest",
        expectations=[
            *expect_of_every_loop(),
            *(
                gxe.ExpectColumnValuesToNotBeNull(
                    column=column, description=f"{column} must be filled in"
                )
                for column in (
                    *filled,
                    "feel",
                    "tempo_from",
                    "part",
                    "notes",
                    "published_split",
                    "group",
                )
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="key_map",
                value_set=[*key_maps],
                description=f"key_map must be {_list(key_maps)}",
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="tempo_from",
                value_set=[*TEMPO_ORIGINS],
                description=f"tempo_from must be {_list(TEMPO_ORIGINS)}",
            ),
            gxe.ExpectColumnValuesToBeBetween(
                column="key_map_confidence",
                min_value=0,
                max_value=1,
                description="key_map_confidence must be from 0 to 1",
            ),
            *(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column,
                    min_value=0,
                    max_value=0.5,
                    description=f"{column} must be from 0 to 0.5",
                )
                for column in errors
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="recommended_steps_per_bar",
                value_set=[*STEPS_PER_BAR],
                description=f"recommended_steps_per_bar must be {_list(STEPS_PER_BAR)}",
            ),
            *(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column, min_value=0, description=f"{column} must be at least 0"
                )
                for column in counts
            ),
        ],
    )


def make_loop_suite() -> gx.ExpectationSuite:
    """What `loops.parquet` must be: a loop, and its side."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        "loops",
        expectations=[
            *expect_of_every_loop(),
            gxe.ExpectColumnValuesToNotBeNull(column="side", description="side must be filled in"),
            gxe.ExpectColumnValuesToBeInSet(
                column="side", value_set=[*SIDES], description=f"side must be {_list(SIDES)}"
            ),
        ],
    )


def make_source_suite(protocol: str) -> gx.ExpectationSuite:
    """What a source must be that the loops use."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    apart = gxe.ExpectColumnValuesToBeInSet(
        column="sides", value_set=[*SIDES], description=f"sides must be {_list(SIDES)}"
    )
    return gx.ExpectationSuite(
        "sources",
        expectations=[
            gxe.ExpectColumnValuesToBeInSet(
                column="in_manifest", value_set=[True], description="in_manifest must be True"
            ),
            # Only this protocol deals sources; of the others, the overlap is the gate's business.
            *([apart] if protocol == PROTOCOLS[0] else []),
        ],
    )


def make_overlap_suite() -> gx.ExpectationSuite:
    """What `overlap.parquet` must be."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    held_out = SIDES[1:]
    apart = "the loops share no source, and are neither the same nor nearly so"
    return gx.ExpectationSuite(
        "overlap",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="kind", description="kind must be filled in"),
            gxe.ExpectColumnValuesToNotBeNull(column="side", description="side must be filled in"),
            gxe.ExpectColumnValuesToBeInSet(
                column="side", value_set=[*held_out], description=f"side must be {_list(held_out)}"
            ),
            gxe.ExpectColumnValuesToBeNull(
                column="leak", description=f"leak must be none: {apart}"
            ),
            # Loops that share a source and nothing else have no distance.
            gxe.ExpectColumnValuesToBeBetween(
                column="distance",
                min_value=0,
                max_value=1,
                description="distance must be from 0 to 1",
            ),
        ],
    )


def _list(choices: Iterable[object]) -> str:
    return f"one of {', '.join(map(str, choices))}"


def check_tables(
    manifest: pd.DataFrame,
    loops: pd.DataFrame,
    overlap: pd.DataFrame,
    summary: Mapping[str, Any],
    history: Path | None,
    params: AuditParams | None = None,
    run_time: datetime | None = None,
    *,
    data: str = "",
) -> list[str]:
    """Hold the tables of the pipeline against their rules.

    Args:
        manifest: `data/standardized/manifest.parquet` (`trapgen.core.store.MANIFEST`).
        loops: `data/augmented/loops.parquet` (`trapgen.core.store.LOOPS`).
        overlap: `data/audit/overlap.parquet` (`trapgen.core.store.OVERLAP`).
        summary: What `data/audit/summary.json` holds (`trapgen.audit.Audit.summary`).
        history: Where the results are kept, None for nowhere (`tasks.checks.run.run_checks`).
        params: What the gate allows; the defaults if None.
        run_time: Dates the run in the history; now, if None.
        data: Hash of the audited loops, as the audit's page shows it.

    Returns:
        One sentence a rule that is broken: table, column, rule, and the first few offenders.

    Raises:
        TableError: A rule could not be held against its table at all.
    """
    params = params or AuditParams()
    sources = _describe_sources(manifest, loops)
    checks = [
        Check(make_manifest_suite(), _count_room(manifest), ["loop_id"]),
        Check(make_loop_suite(), _count_room(loops), ["loop_id"]),
        Check(make_source_suite(summary["protocol"]), sources, ["source_path", "source_id"]),
        Check(make_overlap_suite(), _mark_leaks(overlap, params), ["train_loop", "other_loop"]),
        Check(make_gate_suite(summary, params), list_figures(summary)),
    ]
    return list(run_checks(checks, history, "audit", run_time, data=data).failures)


def _count_room(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the most onsets that a loop has room for, and how many sources it has."""
    return table.assign(
        room=table["n_bars"] * table["steps_per_bar"] * N_VOICES,
        n_sources=table["source_ids"].map(len).astype("int64"),
    )


def _mark_leaks(overlap: pd.DataFrame, params: AuditParams) -> pd.DataFrame:
    """The table with the kind of every pair that no two sides may have; others are only listed."""
    is_near = (overlap["kind"] == "near_loop") & (
        overlap["distance"] <= params.near_duplicate_distance
    )
    is_leak = is_near | overlap["kind"].isin(["shared_source", "exact_loop"])
    return overlap.assign(leak=overlap["kind"].where(is_leak).astype("str"))


def _describe_sources(manifest: pd.DataFrame, loops: pd.DataFrame) -> pd.DataFrame:
    """A row a source that the loops use: its file, its sides, whether the manifest knows it."""
    used = loops[["source_ids", "side"]].explode("source_ids").dropna()
    sides = used.groupby("source_ids")["side"].agg(lambda found: " and ".join(sorted(set(found))))
    table = sides.astype("str").rename_axis("source_id").rename("sides").reset_index()
    files = manifest.explode("source_ids").drop_duplicates("source_ids")
    paths = table["source_id"].map(files.set_index("source_ids")["source_path"])
    return table.assign(
        in_manifest=paths.notna(), source_path=paths.fillna("no file").astype("str")
    )

"""The pipeline's own tables: manifest, loops, sources, overlap, and the gate's summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.checks.rules import Rule, Suite, at_most, between, blank, filled, one_of, unique
from tasks.checks.run import run_suites
from trapgen.audit import VOICE_TAKEN
from trapgen.core import KEY_MAPS, N_VOICES, PROTOCOLS, ROLES, SIDES, STEPS_PER_BAR, AuditParams

if TYPE_CHECKING:
    import pandas as pd

_LOOP_RULES: Final = (
    unique("loop_id"),
    unique("path"),
    one_of("role", ROLES),
    between("bpm", 20, 400),
    between("n_bars", 1),
    one_of("steps_per_bar", STEPS_PER_BAR),
    between("n_onsets", 1),
)
# Of columns that are counted here, and have no gaps.
_COUNTED_RULES: Final = (
    at_most("n_onsets", "room", f"n_bars x steps_per_bar x {N_VOICES}"),
    between("n_sources", 1),
)

_MANIFEST_RULES: Final = (
    Rule("feel", "filled in", "ExpectColumnValuesToNotBeNull"),
    Rule("published_split", "filled in", "ExpectColumnValuesToNotBeNull"),
    *filled(
        *_LOOP_RULES,
        one_of("key_map", ("name", "rhythm", "settled", *KEY_MAPS)),
        between("key_map_confidence", 0, 1),
        between("quantization_error_steps", 0, 0.5),
        between("max_quantization_error_steps", 0, 0.5),
        one_of("recommended_steps_per_bar", STEPS_PER_BAR),
        between("leading_bars", 0),
        between("collapsed_onsets", 0),
        between("dropped_onsets", 0),
    ),
    *_COUNTED_RULES,
)
_SIDED_RULES: Final = (*filled(*_LOOP_RULES, one_of("side", SIDES)), *_COUNTED_RULES)
_OVERLAP_RULES: Final = (
    Rule("kind", "filled in", "ExpectColumnValuesToNotBeNull"),
    *filled(one_of("side", SIDES[1:])),
    blank("leak", "none: the loops share no source, and are neither the same nor nearly so"),
    # Loops that share a source and nothing else have no distance.
    between("distance", 0, 1),
)


def check_tables(
    manifest: pd.DataFrame,
    loops: pd.DataFrame,
    overlap: pd.DataFrame,
    summary: Mapping[str, Any],
    docs: Path | None,
    params: AuditParams | None = None,
) -> list[str]:
    """Hold the tables of the pipeline against their rules, and write Data Docs.

    Args:
        manifest: `data/standardized/manifest.parquet` (`trapgen.core.store.MANIFEST`).
        loops: `data/augmented/loops.parquet` (`trapgen.core.store.LOOPS`).
        overlap: `data/audit/overlap.parquet` (`trapgen.core.store.OVERLAP`).
        summary: What `data/audit/summary.json` holds (`trapgen.audit.Audit.summary`).
        docs: The folder of the Data Docs, replaced as a whole; None leaves them out.
        params: What the gate allows; the defaults if None.

    Returns:
        One sentence a rule that is broken: table, column, rule, and the first few offenders.

    Raises:
        TableError: A rule could not be held against its table at all.
    """
    params = params or AuditParams()
    suites = [
        Suite("manifest", _count_room(manifest), ["loop_id"], _MANIFEST_RULES),
        Suite("loops", _count_room(loops), ["loop_id"], _SIDED_RULES),
        _source_suite(manifest, loops, str(summary["protocol"])),
        Suite(
            "overlap", _mark_leaks(overlap, params), ["train_loop", "other_loop"], _OVERLAP_RULES
        ),
        _gate_suite(summary, params),
    ]
    return list(run_suites(suites, docs, "audit").failures)


def _count_room(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the most onsets that a loop has room for, and how many sources it has."""
    return table.assign(
        room=table["n_bars"] * table["steps_per_bar"] * N_VOICES,
        n_sources=table["source_ids"].map(len).astype("int64"),
    )


def _mark_leaks(overlap: pd.DataFrame, params: AuditParams) -> pd.DataFrame:
    """The table with the kind of every pair that no two sides may have; others are only told."""
    is_near = (overlap["kind"] == "near_loop") & (
        overlap["distance"] <= params.near_duplicate_distance
    )
    is_leak = is_near | overlap["kind"].isin(["shared_source", "exact_loop"])
    return overlap.assign(leak=overlap["kind"].where(is_leak).astype("str"))


def _source_suite(manifest: pd.DataFrame, loops: pd.DataFrame, protocol: str) -> Suite:
    """A row a source that the loops use: the sides it stands on, whether the manifest knows it."""
    used = loops[["source_ids", "side"]].explode("source_ids").dropna()
    sides = used.groupby("source_ids")["side"].agg(lambda found: " and ".join(sorted(set(found))))
    table = sides.astype("str").rename_axis("source_id").rename("sides").reset_index()
    known = {source for ids in manifest["source_ids"] for source in ids}
    table["in_manifest"] = [source in known for source in table["source_id"]]
    rules = [one_of("in_manifest", [True])]
    if protocol == PROTOCOLS[0]:
        # The other protocols deal loops, not sources: their overlap is the gate's business.
        rules.append(one_of("sides", SIDES))
    return Suite("sources", table, ["source_id"], rules)


def _gate_suite(summary: Mapping[str, Any], params: AuditParams) -> Suite:
    """The audit's summary as a table of one row, and the gate's limits as rules."""
    import pandas as pd

    chance, recall = summary["chance_overlap"], summary["self_test"]["recall"]
    row = {
        "exact_bar_overlap": float(summary["exact_bar_overlap"]),
        "chance_replicates": int(chance["replicates"]),
        "near_duplicate_pairs": int(summary["near_duplicate_pairs"]),
        "shared_source_pairs": int(summary["shared_source_pairs"]),
        "effective_sources_train": float(summary["effective_sources"].get("train", 0.0)),
        "self_test_recall": min((x for k, x in recall.items() if k != VOICE_TAKEN), default=0.0),
        "self_test_voice_recall": float(recall.get(VOICE_TAKEN, 1.0)),
    }
    rules = [
        between(
            "exact_bar_overlap",
            0,
            min(chance["limit"] + params.overlap_tolerance, params.max_overlap),
        ),
        between("chance_replicates", 1),
        between("near_duplicate_pairs", 0, 0),
        between("shared_source_pairs", 0, 0),
        between("effective_sources_train", params.min_effective_sources),
        between("self_test_recall", params.self_test_recall, 1),
        between("self_test_voice_recall", params.self_test_voice_recall, 1),
    ]
    shares = {f"windows_of_{each['n_bars']}_bars": each for each in summary["windows"][1:]}
    for name, each in {
        **{key: {**value, "share": value["exact"]} for key, value in shares.items()},
        "loops_with_a_taken_voice": summary["voices"],
        "loops_like_a_training_loop": summary["sweep"][-1],
    }.items():
        row[name] = float(each["share"])
        if each["chance"]["replicates"]:
            rules.append(between(name, 0, each["chance"]["limit"] + params.overlap_tolerance))
    return Suite("gate", pd.DataFrame([row]), [], rules)

"""What must hold of every row of the pipeline's tables, held by great_expectations.

A rule is data: it names its column, says in words what it asks, and knows the expectation that
holds it. great_expectations runs the rules and writes Data Docs; `trapgen.report` writes the page
that people read.
"""

from __future__ import annotations

import html
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trapgen.errors import TableError
from trapgen.kit import KEY_MAPS, N_VOICES, ROLES
from trapgen.loop import STEPS_PER_BAR
from trapgen.params import PROTOCOLS, SIDES, AuditParams

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 3
"""Offenders named in a sentence; Data Docs list more."""

_FIRST_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands as the time of every run, so that the same tables give the same bytes of Data Docs."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a column must be, and the expectation that holds it there."""

    column: str
    words: str
    expectation: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A table, the columns that name its rows, and its rules."""

    name: str
    table: pd.DataFrame
    ids: Sequence[str]
    rules: Sequence[Rule]


def _between(column: str, least: float, most: float | None = None) -> Rule:
    words = f"at least {least:.4g}" if most is None else f"from {least:.4g} to {most:.4g}"
    words = f"{least:.4g}" if least == most else words
    options = {"min_value": least, "max_value": most}
    return Rule(column, words, "ExpectColumnValuesToBeBetween", options)


def _at_most(column: str, other: str, words: str) -> Rule:
    options = {"column_A": other, "column_B": column, "or_equal": True}
    return Rule(column, f"at most {words}", "ExpectColumnPairValuesAToBeGreaterThanB", options)


def _one_of(column: str, choices: Iterable[object]) -> Rule:
    options = {"value_set": list(choices)}
    words = ", ".join(map(str, options["value_set"]))
    words = f"one of {words}" if len(options["value_set"]) > 1 else words
    return Rule(column, words, "ExpectColumnValuesToBeInSet", options)


def _none_of(column: str, *choices: str) -> Rule:
    words = f"none of {', '.join(choices)}"
    return Rule(column, words, "ExpectColumnValuesToNotBeInSet", {"value_set": list(choices)})


def _unique(column: str) -> Rule:
    return Rule(column, "unique", "ExpectColumnValuesToBeUnique")


def _filled(*rules: Rule) -> list[Rule]:
    """The rules, after rules that their columns have no gaps, which the others pass over."""
    columns = dict.fromkeys(rule.column for rule in rules)
    return [*(Rule(c, "filled in", "ExpectColumnValuesToNotBeNull") for c in columns), *rules]


_LOOP_RULES: Final = (
    _unique("loop_id"),
    _unique("path"),
    _one_of("role", ROLES),
    _between("bpm", 20, 400),
    _between("n_bars", 1),
    _one_of("steps_per_bar", STEPS_PER_BAR),
    _between("n_onsets", 1),
)
# Of columns that are counted here, and have no gaps.
_COUNTED_RULES: Final = (
    _at_most("n_onsets", "room", f"n_bars x steps_per_bar x {N_VOICES}"),
    _between("n_sources", 1),
)

_MANIFEST_RULES: Final = (
    Rule("feel", "filled in", "ExpectColumnValuesToNotBeNull"),
    Rule("published_split", "filled in", "ExpectColumnValuesToNotBeNull"),
    *_filled(
        *_LOOP_RULES,
        _one_of("key_map", ("name", *KEY_MAPS)),
        _between("key_map_confidence", 0, 1),
        _between("quantization_error_steps", 0, 0.5),
        _between("max_quantization_error_steps", 0, 0.5),
        _one_of("recommended_steps_per_bar", STEPS_PER_BAR),
        _between("leading_bars", 0),
        _between("collapsed_onsets", 0),
        _between("dropped_onsets", 0),
    ),
    *_COUNTED_RULES,
)
_SIDED_RULES: Final = (*_filled(*_LOOP_RULES, _one_of("side", SIDES)), *_COUNTED_RULES)
_OVERLAP_RULES: Final = (
    *_filled(
        _none_of("kind", "shared_source", "exact_loop", "near_loop"),
        _one_of("side", SIDES[1:]),
    ),
    # Loops that share a source and nothing else have no distance.
    _between("distance", 0, 1),
)


def check_tables(
    manifest: pd.DataFrame,
    loops: pd.DataFrame,
    overlap: pd.DataFrame,
    summary: Mapping[str, Any],
    docs: Path,
    params: AuditParams | None = None,
) -> list[str]:
    """Hold the tables of the pipeline against their rules, and write Data Docs.

    Args:
        manifest: `data/standardized/manifest.parquet` (`trapgen.store.MANIFEST`).
        loops: `data/augmented/loops.parquet` (`trapgen.store.LOOPS`).
        overlap: `data/audit/overlap.parquet` (`trapgen.store.OVERLAP`).
        summary: What `data/audit/summary.json` holds (`trapgen.audit.Audit.summary`).
        docs: The folder of the Data Docs, replaced as a whole; `index.html` is the way in.
        params: What the gate allows; the defaults if None.

    Returns:
        One sentence a rule that is broken: table, column, rule, and the first few offenders.

    Raises:
        TableError: A rule could not be held against its table at all.
    """
    suites = [
        Suite("manifest", _count_room(manifest), ["loop_id"], _MANIFEST_RULES),
        Suite("loops", _count_room(loops), ["loop_id"], _SIDED_RULES),
        _source_suite(manifest, loops, str(summary["protocol"])),
        Suite("overlap", overlap, ["train_loop", "other_loop"], _OVERLAP_RULES),
        _gate_suite(summary, params or AuditParams()),
    ]
    docs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=docs.parent, prefix=f".{docs.name}.") as folder:
        built = Path(folder, docs.name)
        failures = _run(suites, built)
        _finish_docs(built)
        shutil.rmtree(docs, ignore_errors=True)
        built.rename(docs)
    return failures


def _count_room(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the most onsets that a loop has room for, and how many sources it has."""
    return table.assign(
        room=table["n_bars"] * table["steps_per_bar"] * N_VOICES,
        n_sources=table["source_ids"].map(len).astype("int64"),
    )


def _source_suite(manifest: pd.DataFrame, loops: pd.DataFrame, protocol: str) -> Suite:
    """A row a source that the loops use: the sides it stands on, whether the manifest knows it."""
    used = loops[["source_ids", "side"]].explode("source_ids").dropna()
    sides = used.groupby("source_ids")["side"].agg(lambda found: " and ".join(sorted(set(found))))
    table = sides.astype("str").rename_axis("source_id").rename("sides").reset_index()
    known = {source for ids in manifest["source_ids"] for source in ids}
    table["in_manifest"] = [source in known for source in table["source_id"]]
    rules = [_one_of("in_manifest", [True])]
    if protocol == PROTOCOLS[0]:
        # The other protocols deal loops, not sources: their overlap is the gate's business.
        rules.append(_one_of("sides", SIDES))
    return Suite("sources", table, ["source_id"], rules)


def _gate_suite(summary: Mapping[str, Any], params: AuditParams) -> Suite:
    """The audit's summary as a table of one row, and the gate's limits as rules."""
    import pandas as pd

    chance, test = summary["chance_overlap"], summary["self_test"]
    limit = min(chance["high"] + params.overlap_tolerance, params.max_overlap)
    row = {
        "exact_bar_overlap": float(summary["exact_bar_overlap"]),
        "chance_replicates": int(chance["replicates"]),
        "near_duplicate_pairs": int(summary["near_duplicate_pairs"]),
        "shared_source_pairs": int(summary["shared_source_pairs"]),
        "effective_sources_train": float(summary["effective_sources"].get("train", 0.0)),
        "self_test_recall": float(min(test["recall"].values(), default=0.0)),
    }
    rules = [
        _between("exact_bar_overlap", 0, limit),
        _between("chance_replicates", 1),
        _between("near_duplicate_pairs", 0, 0),
        _between("shared_source_pairs", 0, 0),
        _between("effective_sources_train", params.min_effective_sources),
        _between("self_test_recall", params.self_test_recall, 1),
    ]
    return Suite("gate", pd.DataFrame([row]), [], rules)


def _run(suites: Sequence[Suite], docs: Path) -> list[str]:
    """Run every suite as a checkpoint that adds its result to the Data Docs."""
    import great_expectations as gx
    from great_expectations.checkpoint.actions import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    place = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    site = {"class_name": "SiteBuilder", "store_backend": place, "site_index_builder": index}
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={"checks": {**site, "show_how_to_buttons": False}},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    tables = context.data_sources.add_pandas("tables")
    run_id = RunIdentifier(run_name="audit", run_time=_FIRST_DAY)
    failures = []
    for suite in suites:
        name, expectations = suite.name, [_expect(rule, at) for at, rule in enumerate(suite.rules)]
        batch = tables.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        held = context.suites.add(gx.ExpectationSuite(name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=held)
        checkpoint = gx.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add(definition)],
            actions=[UpdateDataDocsAction(name="data_docs")],
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(suite.ids),
            },
        )
        frame = {"dataframe": _escape(suite.table)}
        outcome = context.checkpoints.add(checkpoint).run(frame, run_id=run_id)
        for validation in outcome.run_results.values():
            failures += _read_results(suite, validation.results)
    return failures


def _expect(rule: Rule, number: int) -> Any:
    import great_expectations.expectations as gxe

    target = {} if "column_A" in rule.options else {"column": rule.column}
    return getattr(gxe, rule.expectation)(
        **target,
        **rule.options,
        description=f"{rule.column} must be {rule.words}",
        meta={"rule": number},
    )


def _escape(table: pd.DataFrame) -> pd.DataFrame:
    """The table's plain columns; Data Docs write texts, file names among them, into HTML raw."""
    plain = table.select_dtypes(["str", "number", "bool"])
    texts: dict[str, pd.Series[str]] = dict(plain.select_dtypes("str").items())
    escaped = {name: text.map(html.escape, na_action="ignore") for name, text in texts.items()}
    return plain.assign(**escaped)


def _read_results(suite: Suite, results: Iterable[Any]) -> list[str]:
    """One sentence a rule that is broken, in the order of the rules."""
    by_rule = {result.expectation_config.meta["rule"]: result for result in results}
    failures = []
    for number, rule in enumerate(suite.rules):
        result = by_rule[number]
        place = f"{suite.name}.{rule.column}"
        if trouble := _find_exceptions(result.exception_info):
            raise TableError(place, "unchecked", "; ".join(trouble), f"It must be {rule.words}.")
        if not result.success:
            failures.append(f"{place} must be {rule.words}; {_list_offenders(suite, rule, result)}")
    return failures


def _find_exceptions(info: Mapping[str, Any]) -> list[str]:
    """Messages of what a metric raised: the mapping is one report, or one a broken metric."""
    reports = [info] if "raised_exception" in info else list(info.values())
    broken = [str(report["exception_message"]) for report in reports if report["raised_exception"]]
    return list(dict.fromkeys(broken))


def _list_offenders(suite: Suite, rule: Rule, result: Any) -> str:
    found = result.result
    if not suite.ids:
        return f"it is {_write(found['partial_unexpected_list'][0])}"
    rows = []
    for row in found["partial_unexpected_index_list"]:
        place = (
            "" if rule.column in suite.ids else f" ({', '.join(str(row[i]) for i in suite.ids)})"
        )
        rows.append(f"{_write(row[rule.column])}{place}")
    named = list(dict.fromkeys(html.unescape(row) for row in rows))
    more = ", …" if len(named) > _LISTED or found["unexpected_count"] > len(rows) else ""
    listed = ", ".join(named[:_LISTED]) + more
    return f"{found['unexpected_count']} of {found['element_count']} rows are not: {listed}"


def _write(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finish_docs(docs: Path) -> None:
    """Take the clock, random ids and the remote logo out of the pages, and list the results.

    The index lists results by a script from the network; offline it would be empty.
    """
    stamp = _FIRST_DAY.strftime(">%Y%m%dT%H%M%S.%fZ<")
    for page in sorted(docs.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        to_root = "../" * (len(page.relative_to(docs).parts) - 1)
        text = re.sub(r"https://[^\"]*/(logo-long\.png)[^\"]*", rf"{to_root}static/images/\1", text)
        text = re.sub(r">\d{8}T\d{6}\.\d{6}Z<", stamp, text)
        names = re.findall(r"(?<=collapse-body-)[0-9a-f-]{36}", text)
        for number, name in enumerate(dict.fromkeys(names)):
            text = text.replace(name, str(number))
        page.write_text(text, encoding="utf-8")
    found = sorted(page.relative_to(docs).as_posix() for page in docs.glob("validations/**/*.html"))
    links = "".join(f'<li><a href="{page}">{page.split("/")[1]}</a></li>' for page in found)
    index = docs / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("<body>", f"<body>\n<ul>{links}</ul>", 1), encoding="utf-8")

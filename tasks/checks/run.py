"""Suites are run by great_expectations, and what breaks a rule is said in a sentence."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.checks.docs import FIRST_DAY, finish_docs
from tasks.checks.rules import Rule, Suite
from trapgen.core import GateRefusedError, TableError

if TYPE_CHECKING:
    import pandas as pd

_LISTED: Final = 3
"""Offenders named in a sentence; Data Docs list more."""


@dataclass(frozen=True, slots=True)
class Findings:
    """One sentence a rule that is broken: table, column, rule, and the first few offenders.

    Attributes:
        failures: Of the rules that stop the stage.
        warnings: Of those that don't.
    """

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def enforce(self, stage: str, gate: str) -> None:
        """Print the warnings, and refuse where there is a failure.

        Args:
            stage: Who prints.
            gate: Who refuses ("the check of …").

        Raises:
            GateRefusedError: There is a failure.
        """
        for warning in self.warnings:
            print(f"{stage}: warning: {warning}")
        if self.failures:
            raise GateRefusedError(self.failures, gate)


def run_suites(suites: Sequence[Suite], docs: Path | None, run_name: str) -> Findings:
    """Hold tables against their rules, and write Data Docs.

    Args:
        suites: The tables with their rules.
        docs: The folder of the Data Docs, replaced as a whole; `index.html` is the way in. None
            leaves them out.
        run_name: What Data Docs call the run.

    Raises:
        TableError: A rule could not be held against its table at all.
    """
    if docs is None:
        broken = _run(suites, None, run_name)
    else:
        docs.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=docs.parent, prefix=f".{docs.name}.") as folder:
            built = Path(folder, docs.name)
            broken = _run(suites, built, run_name)
            finish_docs(built)
            shutil.rmtree(docs, ignore_errors=True)
            built.rename(docs)
    return Findings(
        failures=tuple(words for rule, words in broken if not rule.warns),
        warnings=tuple(words for rule, words in broken if rule.warns),
    )


def _run(suites: Sequence[Suite], docs: Path | None, run_name: str) -> list[tuple[Rule, str]]:
    """Run every suite as a checkpoint that adds its result to the Data Docs."""
    import great_expectations as gx
    from great_expectations.checkpoint.actions import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={} if docs is None else {"checks": _site(docs)},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    tables = context.data_sources.add_pandas("tables")
    run_id = RunIdentifier(run_name=run_name, run_time=FIRST_DAY)
    broken = []
    for suite in suites:
        name, expectations = suite.name, [_expect(rule, at) for at, rule in enumerate(suite.rules)]
        batch = tables.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        held = context.suites.add(gx.ExpectationSuite(name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=held)
        checkpoint = gx.Checkpoint(
            name=name,
            validation_definitions=[context.validation_definitions.add(definition)],
            actions=[] if docs is None else [UpdateDataDocsAction(name="data_docs")],
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": list(suite.ids),
            },
        )
        frame = {"dataframe": _escape(suite.table)}
        outcome = context.checkpoints.add(checkpoint).run(frame, run_id=run_id)
        for validation in outcome.run_results.values():
            broken += _read_results(suite, validation.results)
    return broken


def _site(docs: Path) -> dict[str, Any]:
    place = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
    return {
        "class_name": "SiteBuilder",
        "store_backend": place,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "show_how_to_buttons": False,
    }


def _expect(rule: Rule, number: int) -> Any:
    import great_expectations.expectations as gxe

    target = {} if "column_A" in rule.options else {"column": rule.column}
    return getattr(gxe, rule.expectation)(
        **target,
        **rule.options,
        description=f"{rule.column} must be {rule.words}",
        meta={"rule": number},
        severity="warning" if rule.warns else "critical",
    )


def _escape(table: pd.DataFrame) -> pd.DataFrame:
    """The table's plain columns; Data Docs write texts, file names among them, into HTML raw."""
    plain = table.select_dtypes(["str", "number", "bool"])
    texts: dict[str, pd.Series[str]] = dict(plain.select_dtypes("str").items())
    escaped = {name: text.map(html.escape, na_action="ignore") for name, text in texts.items()}
    return plain.assign(**escaped)


def _read_results(suite: Suite, results: Iterable[Any]) -> list[tuple[Rule, str]]:
    """The rules that are broken, in their order, with a sentence each."""
    by_rule = {result.expectation_config.meta["rule"]: result for result in results}
    broken = []
    for number, rule in enumerate(suite.rules):
        result = by_rule[number]
        place = f"{suite.name}.{rule.column}"
        if trouble := _find_exceptions(result.exception_info):
            raise TableError(place, "unchecked", "; ".join(trouble), f"It must be {rule.words}.")
        if not result.success:
            offenders = _list_offenders(suite, rule, result)
            broken.append((rule, f"{place} must be {rule.words}; {offenders}"))
    return broken


def _find_exceptions(info: Mapping[str, Any]) -> list[str]:
    """Messages of what a metric raised: the mapping is one report, or one a broken metric."""
    reports = [info] if "raised_exception" in info else list(info.values())
    broken = [str(report["exception_message"]) for report in reports if report["raised_exception"]]
    return list(dict.fromkeys(broken))


def _list_offenders(suite: Suite, rule: Rule, result: Any) -> str:
    found = result.result
    if not suite.ids:
        return f"it is {html.unescape(_write(found['partial_unexpected_list'][0]))}"
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

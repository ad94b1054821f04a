"""Checks are run by great_expectations, and what breaks an expectation is said in a sentence."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tasks.checks.history import open_history, show_run
from trapgen.core import GateRefusedError, TableError

if TYPE_CHECKING:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import AbstractDataContext

_LISTED: Final = 3
"""Offenders named in a sentence; the history holds more."""
_WHOLE: Final = 5_000
"""Tables of at most so many rows have all failing rows kept and shown.

Of larger ones the results hold the first 20, and Data Docs their values: 200,000 failing rows took
40 s and 20 MB.
"""


class Check(NamedTuple):
    """A table, and what it is held against.

    Attributes:
        suite: The expectations. Each has a description of its own, "COLUMN must be …".
        table: The rows; only columns of texts, numbers and truth values are looked at.
        ids: The columns that name a row; none for a table of one row.
    """

    suite: gx.ExpectationSuite
    table: pd.DataFrame
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """One sentence an expectation that is broken: table, column, words, and a few offenders.

    Attributes:
        failures: Of the rules that stop the stage.
        warnings: Of those that don't.
    """

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def enforce(self, stage: str, gate: str) -> None:
        """Print the stage's warnings; where there is a failure, `gate` ("the check of …") refuses.

        Raises:
            GateRefusedError: There is a failure.
        """
        for warning in self.warnings:
            print(f"{stage}: warning: {warning}")
        if self.failures:
            raise GateRefusedError(self.failures, gate)


def run_checks(
    checks: Sequence[Check],
    history: Path | None,
    stage: str,
    run_time: datetime | None = None,
    *,
    data: str = "",
) -> Findings:
    """Hold tables against what is expected of them, and keep the results.

    Args:
        checks: The stage goes on where an expectation of the severity `warning` breaks.
        history: The folder of the context that keeps results and Data Docs
            (`tasks.checks.history`), with a page in front; None keeps nothing.
        stage: Names the run in the history.
        run_time: Dates the run there; now, if None.
        data: Hash of the data as a report of the stage shows it.

    Raises:
        TableError: An expectation could not be held against its table at all.
    """
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier

    run = RunIdentifier(run_name=stage, run_time=run_time or datetime.now(UTC))
    opened = open_history(history) if history else nullcontext(_open_nothing())
    with opened as context:
        results = _validate(context, checks, run)
        if history and isinstance(context, gx.data_context.FileDataContext):
            # The page is no output: a stage does not depend on what draws it.
            from tasks.checks.page import note_run, write_index

            show_run(context, run)
            note_run(history, stage, run.run_time, data)
            write_index(history)
    broken: dict[str, list[str]] = {"critical": [], "warning": []}
    for check, found in zip(checks, results, strict=True):
        for severity, sentence in _describe(check, found):
            broken[severity].append(sentence)
    return Findings(tuple(broken["critical"]), tuple(broken["warning"]))


def _open_nothing() -> AbstractDataContext:
    """A context that ends with the process."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _validate(
    context: AbstractDataContext, checks: Sequence[Check], run: RunIdentifier
) -> list[ExpectationSuiteValidationResult]:
    import great_expectations as gx

    source = context.data_sources.add_or_update_pandas(run.run_name)
    results = []
    for suite, table, ids in checks:
        batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("whole")
        kept = context.suites.add_or_update(suite)
        definition = context.validation_definitions.add_or_update(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=kept)
        )
        found = definition.run(
            batch_parameters={"dataframe": _escape(table)},
            result_format={
                "result_format": "COMPLETE" if len(table) <= _WHOLE else "SUMMARY",
                "unexpected_index_column_names": [*ids],
            },
            run_id=run,
        )
        results.append(found)
    return results


def _escape(table: pd.DataFrame) -> pd.DataFrame:
    """The table's plain columns; Data Docs write texts, file names among them, into HTML raw."""
    plain = table.select_dtypes(["str", "number", "bool"])
    texts: pd.DataFrame = plain.select_dtypes("str")
    return plain.assign(**{name: texts[name].map(html.escape, "ignore") for name in texts})


def _describe(check: Check, found: ExpectationSuiteValidationResult) -> list[tuple[str, str]]:
    """Severity and sentence of every expectation that is broken, in the order of the suite.

    Raises:
        TableError: One could not be held against the table.
    """
    results = {
        result.expectation_config.description: result
        for result in found.results
        if result.expectation_config
    }
    broken = []
    for expectation in check.suite.expectations:
        result = results[expectation.description]
        kwargs = expectation.configuration.kwargs
        # Of a pair of columns, the second is held against the first.
        column = str(kwargs.get("column") or kwargs["column_B"])
        _raise_exceptions(f"{check.suite.name}.{column}", str(expectation.description), result)
        if not result.success:
            offenders = _list_offenders(column, check.ids, result.result)
            sentence = f"{check.suite.name}.{expectation.description}; {offenders}"
            broken.append((str(expectation.severity.value), sentence))
    return broken


def _raise_exceptions(place: str, description: str, result: ExpectationValidationResult) -> None:
    # One report, or one a metric that raised.
    info = result.exception_info
    reports = [info] if "raised_exception" in info else info.values()
    raised = [str(each["exception_message"]) for each in reports if each["raised_exception"]]
    if raised:
        raise TableError(place, "unchecked", "; ".join(dict.fromkeys(raised)), f"{description}.")


def _list_offenders(column: str, ids: Sequence[str], found: Mapping[str, Any]) -> str:
    if not ids:
        return f"it is {_write(found['partial_unexpected_list'][0])}"
    rows = found["partial_unexpected_index_list"]
    named = [_write(row[column]) for row in rows]
    if column not in ids:
        places = [", ".join(str(row[name]) for name in ids) for row in rows]
        named = [f"{value} ({place})" for value, place in zip(named, places, strict=True)]
    named = list(dict.fromkeys(named))
    more = ", …" if len(named) > _LISTED or found["unexpected_count"] > len(rows) else ""
    counts = f"{found['unexpected_count']} of {found['element_count']}"
    return f"{counts} rows are not: {html.unescape(', '.join(named[:_LISTED]))}{more}"


def _write(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else html.unescape(str(value))

"""Run checks with great_expectations, and report each broken expectation in a sentence."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.checks.docs import FIRST_DAY, finish_docs
from trapgen.core import GateRefusedError, TableError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

    # A table, the columns that identify its rows, and expectations, whose descriptions complete
    # "COLUMN must be …".
    Check = tuple[pd.DataFrame, Sequence[str], Sequence[Expectation]]

_LISTED: Final = 3
"""Maximum offending rows in a sentence; Data Docs list more."""


@dataclass(frozen=True, slots=True)
class Findings:
    """One sentence per broken expectation: table, column, condition, and a few offending rows.

    Attributes:
        failures: Sentences of expectations that stop the stage.
        warnings: Sentences of the others.
    """

    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def enforce(self, stage: str, gate: str) -> None:
        """Print the stage's warnings; if there is a failure, `gate` ("the check of …") refuses.

        Raises:
            GateRefusedError: There is a failure.
        """
        for warning in self.warnings:
            print(f"{stage}: warning: {warning}")
        if self.failures:
            raise GateRefusedError(self.failures, gate)


def expect_filled(*columns: str) -> list[Expectation]:
    """Expect no missing values in these columns, which other expectations ignore."""
    import great_expectations.expectations as gxe

    return [gxe.ExpectColumnValuesToNotBeNull(column=c, description="filled in") for c in columns]


def run_checks(checks: Mapping[str, Check], docs: Path | None, run_name: str) -> Findings:
    """Check tables against their expectations, and write Data Docs.

    Args:
        checks: By name. An expectation of severity `warning` does not stop the stage.
        docs: Folder of the Data Docs, replaced as a whole; `index.html` is the start page. None
            writes none.
        run_name: Name of the run in Data Docs.

    Raises:
        TableError: An expectation could not be evaluated on its table.
    """
    if docs is None:
        return _run(checks, None, run_name)
    docs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=docs.parent, prefix=f".{docs.name}.") as folder:
        built = Path(folder, docs.name).resolve()
        found = _run(checks, built, run_name)
        finish_docs(built)
        shutil.rmtree(docs, ignore_errors=True)
        built.rename(docs)
    return found


def _run(checks: Mapping[str, Check], docs: Path | None, run_name: str) -> Findings:
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    place = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)}
    site = {"class_name": "SiteBuilder", "store_backend": place, "show_how_to_buttons": False}
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites={"checks": site} if docs else {},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_pandas("tables")
    broken: dict[str, list[str]] = {"critical": [], "warning": []}
    for name, (table, ids, expectations) in checks.items():
        for each in expectations:
            each.description = f"{name_column(each)} must be {each.description}"
        suite = context.suites.add(gx.ExpectationSuite(name, expectations=[*expectations]))
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        held = gx.ValidationDefinition(name=name, data=batch, suite=suite)
        outcome = context.validation_definitions.add(held).run(
            batch_parameters={"dataframe": _escape(table)},
            result_format={"result_format": "SUMMARY", "unexpected_index_column_names": [*ids]},
            run_id=RunIdentifier(run_name=run_name, run_time=FIRST_DAY),
        )
        results = {result.expectation_config.description: result for result in outcome.results}
        for each in expectations:
            result = results[each.description]
            _raise_exceptions(f"{name}.{name_column(each)}", each.description, result)
            if not result.success:
                offenders = _list_offenders(name_column(each), ids, result.result)
                broken[each.severity].append(f"{name}.{each.description}; {offenders}")
    if docs:
        context.build_data_docs()
    return Findings(tuple(broken["critical"]), tuple(broken["warning"]))


def name_column(expectation: Any) -> str:
    """Column of an expectation; of a pair of columns, the second is compared with the first."""
    return getattr(expectation, "column", None) or expectation.column_B


def _escape(table: pd.DataFrame) -> pd.DataFrame:
    """The table's plain columns, escaped: Data Docs write texts such as file names as raw HTML."""
    plain = table.select_dtypes(["str", "number", "bool"])
    texts = plain.select_dtypes("str")
    return plain.assign(**{name: texts[name].map(html.escape, "ignore") for name in texts})


def _raise_exceptions(place: str, description: str, result: ExpectationValidationResult) -> None:
    # One report, or one per failed metric.
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

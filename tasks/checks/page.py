"""The page in front of the history: the stored results of every run, side by side, offline."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tasks.checks.history import DATA_DOCS, RESULTS
from tasks.git import read_commit
from trapgen.core import write_text
from trapgen.report import BrokenRule, CheckRun, write_checks_page

INDEX: Final = "index.html"
NOTES: Final = "runs.csv"
"""Of every run that is kept its `time`, `stage`, git `commit` and `data`, the hash of its data."""

_FIELDS: Final = ("time", "stage", "commit", "data")
_STAGES: Final = ("standardize", "audit", "encode")
_NAMED: Final = 50
"""Failing rows of a rule that the page names."""


def note_run(history: Path, stage: str, run_time: datetime, data: str) -> None:
    """Add a run to `runs.csv`, from which runs without a result have gone."""
    now = {
        "time": run_time.astimezone(UTC).isoformat(),
        "stage": stage,
        "commit": read_commit(history),
        "data": data,
    }
    kept = {(stage, time) for stage, time, _ in _find_results(history)}
    rows = [note for key, note in _read_notes(history).items() if key in kept]
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, now])
    write_text(history / NOTES, text.getvalue())


def write_index(history: Path) -> None:
    """Write `index.html` of what the store holds."""
    notes = _read_notes(history)
    found: dict[tuple[str, datetime], list[Mapping[str, Any]]] = {}
    unreadable = []
    for stage, time, path in _find_results(history):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            # A run that was killed leaves half a file.
            unreadable.append(path.relative_to(history).as_posix())
        else:
            page = DATA_DOCS / "validations" / path.relative_to(history / RESULTS)
            result["page"] = page.with_suffix(".html")
            found.setdefault((stage, time), []).append(result)
    runs = [
        CheckRun(
            stage=stage,
            time=time,
            n_rules=sum(len(result["results"]) for result in results),
            broken=[rule for result in results for rule in _list_broken(result)],
            commit=notes.get((stage, time), {}).get("commit", ""),
            data=notes.get((stage, time), {}).get("data", ""),
        )
        for (stage, time), results in found.items()
    ]
    # Other stages come last.
    runs.sort(key=lambda run: (*_STAGES, run.stage).index(run.stage))
    write_checks_page(history / INDEX, runs, unreadable)


def _find_results(history: Path) -> Iterator[tuple[str, datetime, Path]]:
    """Stage, time and file of every stored result, in the order of the suites."""
    for path in sorted((history / RESULTS).glob("*/*/*/*.json")):
        time = datetime.strptime(path.parts[-2], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        yield path.parts[-3], time, path


def _read_notes(history: Path) -> dict[tuple[str, datetime], dict[str, str]]:
    path = history / NOTES
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["stage"], datetime.fromisoformat(row["time"])): row for row in rows}


def _list_broken(result: Mapping[str, Any]) -> Iterator[BrokenRule]:
    """The rules of a table that rows break, with the names of those rows."""
    for each in result["results"]:
        if each["success"]:
            continue
        config, found = each["expectation_config"], each["result"]
        columns = [config["kwargs"].get(name) for name in ("column_B", "column_A", "column")]
        yield BrokenRule(
            table=result["suite_name"],
            rule=config["description"],
            warns=config["severity"] == "warning",
            n_failing=found.get("unexpected_count", 0),
            n_rows=found.get("element_count", 0),
            rows=_list_rows(found, [name for name in columns if name])
            if found
            else _list_errors(each["exception_info"]),
            page=result["page"].as_posix(),
        )


def _list_errors(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why a rule could not be held: one report, or one a metric that raised."""
    reports = [info] if "raised_exception" in info else info.values()
    raised = [str(each["exception_message"]) for each in reports if each["raised_exception"]]
    return [("", message) for message in dict.fromkeys(raised)]


def _list_rows(found: Mapping[str, Any], columns: Sequence[str]) -> list[tuple[str, str]]:
    """The names of the first failing rows, and what stands in the rule's first column."""
    rows = found.get("unexpected_index_list") or found.get("partial_unexpected_index_list", [])
    if not all(isinstance(row, dict) for row in rows):
        # The rows of the table have no names.
        return [("", _write(value)) for value in found["partial_unexpected_list"][:_NAMED]]
    return [
        (
            ", ".join(_write(value) for name, value in row.items() if name not in columns),
            _write(row[columns[0]]),
        )
        for row in rows[:_NAMED]
    ]


def _write(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else html.unescape(str(value))

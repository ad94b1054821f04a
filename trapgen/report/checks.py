"""The checks of the data as a page: their runs side by side, with the rows that broke a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from trapgen.report.page import write_page

_COMPARED: Final = 5
"""Runs in the table of rules; all are in the table of runs."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule of a table that rows of it break.

    Attributes:
        table: Name of the table.
        rule: The rule in words, "COLUMN must be …".
        warns: Whether the stage goes on.
        n_failing: Rows that break it.
        n_rows: Rows of the table; 0 if the rule could not be held against it.
        rows: Name of each, empty where the table is one row, and what stands there; the first ones.
            If the rule could not be held, why.
        page: Address of the result's own page, relative to this one; empty for none.
    """

    table: str
    rule: str
    warns: bool
    n_failing: int
    n_rows: int
    rows: Sequence[tuple[str, str]]
    page: str = ""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A run of a stage's checks.

    Attributes:
        stage: The stage.
        time: When it began, with its time zone.
        n_rules: Rules that were checked.
        broken: Those that rows break.
        commit: The git commit, `+` at its end where tracked files differ from it.
        data: Hash of the data, as a report of the stage shows it.
    """

    stage: str
    time: datetime
    n_rules: int
    broken: Sequence[BrokenRule]
    commit: str = ""
    data: str = ""

    @property
    def result(self) -> str:
        """`pass`, `warning` (the stage goes on) or `refuse`."""
        if not self.broken:
            return "pass"
        return "warning" if all(rule.warns for rule in self.broken) else "refuse"

    @property
    def n_failing(self) -> int:
        """Failing rows, counted for each rule that they break."""
        return sum(rule.n_failing for rule in self.broken)


class RuleHistory(NamedTuple):
    """A rule that some run breaks: how it did in each run, newest first; None where it held."""

    table: str
    rule: str
    found: Sequence[BrokenRule | None]


class StageHistory(NamedTuple):
    """The runs of a stage, newest first, and the rules that one of them breaks.

    The rules that the newest run breaks come first; `compared` is how many runs stand side by side.
    """

    stage: str
    runs: Sequence[CheckRun]
    rules: Sequence[RuleHistory]
    compared: int


def write_checks_page(path: Path, runs: Sequence[CheckRun], unreadable: Sequence[str] = ()) -> None:
    """Write the runs of the checks as one page that needs nothing but itself.

    Args:
        path: The HTML file; its folder is made.
        runs: In any order; stages stand in the order of their first run here.
        unreadable: Files of results that are left out.
    """
    by_stage: dict[str, list[CheckRun]] = {}
    for run in runs:
        by_stage.setdefault(run.stage, []).append(run)
    stages = [_compare(stage, of_stage) for stage, of_stage in by_stage.items()]
    write_page(path, "checks.html.j2", {"stages": stages, "unreadable": unreadable})


def _compare(stage: str, runs: Sequence[CheckRun]) -> StageHistory:
    newest_first = sorted(runs, key=lambda run: run.time, reverse=True)
    by_run = [{(rule.table, rule.rule): rule for rule in run.broken} for run in newest_first]
    # In the order of the newest run that breaks a rule.
    keys = dict.fromkeys(key for broken in by_run for key in broken)
    rules = [RuleHistory(*key, [broken.get(key) for broken in by_run]) for key in keys]
    return StageHistory(stage, newest_first, rules, min(len(newest_first), _COMPARED))

"""What people read on a run's page: its verdict, its figures, and where its pages are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST_ROWS: Final = 16
_CANDIDATE: Final = "Candidate: not compared with the model in use."
PAGES: Final = {
    "evaluation": "reports/report.html",
    "overlap audit": "audit/report.html",
    "samples": "samples/index.html",
}
"""Artifacts that are pages, by what they show."""


def describe_run(
    summary: Mapping[str, Any],
    figures: Mapping[str, float],
    goals: Mapping[str, bool],
    pages: Mapping[str, str],
    verdict: str = "",
) -> str:
    """A run's description, as Markdown.

    Args:
        summary: Content of the audit's `summary.json`.
        figures: Headline figures, by name.
        goals: Whether each goal holds, by name; may be empty.
        pages: Addresses of its pages, by what they show.
        verdict: A sentence about its model; by default that nothing decided on it.
    """
    lines = [f"**{verdict or _CANDIDATE}**", "", _describe_gate(summary), _describe_goals(goals)]
    if figures:
        lines += ["", "| figure | |", "| --- | ---: |"]
        rows = list(figures.items())[:_MOST_ROWS]
        lines += [f"| {name} | {value:.6g} |" for name, value in rows]
    links = [f"[{name}]({address})" for name, address in pages.items()]
    return "\n".join([*lines, "", f"Pages: {', '.join(links)}."]) + "\n"


def replace_verdict(description: str, verdict: str) -> str:
    """The description with another verdict as its first paragraph."""
    first, separator, rest = description.partition("\n\n")
    if not first.startswith("**"):
        first, separator, rest = "", "\n\n", description
    return f"**{verdict}**{separator or chr(10)}{rest}"


def _describe_gate(summary: Mapping[str, Any]) -> str:
    reasons: Sequence[str] = summary.get("reasons", ())
    if summary.get("gate") == "pass":
        return "The audit's gate passes."
    return f"The audit's gate refuses: {'; '.join(reasons)}."


def _describe_goals(goals: Mapping[str, bool]) -> str:
    if not goals:
        return ""
    missed = [name for name, holds in goals.items() if not holds]
    names = f"; not {', '.join(missed)}" if missed else ""
    return f"{len(goals) - len(missed)} of {len(goals)} goals met{names}."

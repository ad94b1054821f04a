"""Rules as data: what a column must be, in words and as an expectation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Rule:
    """What a column must be, and the expectation that holds it there.

    Attributes:
        column: The column.
        words: What it must be, continuing "must be …".
        expectation: Name of the class in `great_expectations.expectations`.
        options: What that class takes beside the column.
        warns: Whether the stage goes on where the rule is broken.
    """

    column: str
    words: str
    expectation: str
    options: Mapping[str, Any] = field(default_factory=dict)
    warns: bool = False


@dataclass(frozen=True)
class Suite:
    """A table, the columns that name its rows, and its rules."""

    name: str
    table: pd.DataFrame
    ids: Sequence[str]
    rules: Sequence[Rule]


def between(column: str, least: float, most: float | None = None, *, warns: bool = False) -> Rule:
    """The column's values lie from `least` to `most`, both included."""
    words = f"at least {least:.4g}" if most is None else f"from {least:.4g} to {most:.4g}"
    words = f"{least:.4g}" if least == most else words
    options = {"min_value": least, "max_value": most}
    return Rule(column, words, "ExpectColumnValuesToBeBetween", options, warns)


def at_most(column: str, other: str, words: str) -> Rule:
    """The column's values are no larger than those of another."""
    options = {"column_A": other, "column_B": column, "or_equal": True}
    return Rule(column, f"at most {words}", "ExpectColumnPairValuesAToBeGreaterThanB", options)


def equal(column: str, other: str, words: str, *, warns: bool = False) -> Rule:
    """The column's values are those of another, where that has one."""
    options = {"column_A": column, "column_B": other, "ignore_row_if": "either_value_is_missing"}
    return Rule(column, words, "ExpectColumnPairValuesToBeEqual", options, warns)


def one_of(column: str, choices: Iterable[object], words: str = "", *, warns: bool = False) -> Rule:
    """The column's values are among `choices`."""
    options = {"value_set": list(choices)}
    listed = ", ".join(map(str, options["value_set"]))
    listed = f"one of {listed}" if len(options["value_set"]) > 1 else listed
    return Rule(column, words or listed, "ExpectColumnValuesToBeInSet", options, warns)


def unique(column: str, words: str = "unique", *, warns: bool = False) -> Rule:
    """No value comes twice."""
    return Rule(column, words, "ExpectColumnValuesToBeUnique", warns=warns)


def blank(column: str, words: str, *, mostly: float = 1.0, warns: bool = False) -> Rule:
    """The column says what is wrong with a row, and is empty where nothing is.

    Args:
        column: The column.
        words: What holds of a row that it says nothing about.
        mostly: The least share of such rows, from 0 to 1.
        warns: See `Rule`.
    """
    words = words if mostly == 1 else f"{words}, in at least {mostly:.0%} of the rows"
    return Rule(column, words, "ExpectColumnValuesToBeNull", {"mostly": mostly}, warns)


def filled(*rules: Rule) -> list[Rule]:
    """The rules, after rules that their columns have no gaps, which the others pass over."""
    columns = dict.fromkeys(rule.column for rule in rules)
    return [*(Rule(c, "filled in", "ExpectColumnValuesToNotBeNull") for c in columns), *rules]

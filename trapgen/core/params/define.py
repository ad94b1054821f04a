"""Definition of a parameter: type, range, default, unit and one sentence of help.

The parameters of a stage are the fields of a `Section`, each with a `Definition`. The check of a
value, its error message, its comment in `params.yaml` and its command-line option all derive from
the definition.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Final, TypeVar

from trapgen.core.errors import ParameterError

_Value = TypeVar("_Value")

_MAX_CHARACTERS: Final = 4096
"""Maximum length of a text: the longest path that Linux opens."""
_MAX_TEXTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Definition:
    """Definition of a parameter.

    Attributes:
        default: Default value.
        kind: `int`, `float`, `bool` or `str`; the type of each element if `many`.
        help: One sentence of help for the user.
        low: Lower bound of a number; inclusive unless `above`.
        high: Upper bound of a number; inclusive unless `below`.
        unit: Unit of a number.
        choices: All allowed values, if they can be listed; empty text is shown as "nothing".
        many: Whether the value is a tuple of texts.
        optional: Whether None is allowed.
        metavar: Format of a text.
        option: Name of the command-line option, if it differs from the field's.
        group: Heading of the option in the command's help.
        section: Section of `params.yaml` that holds the value, if it is not the field's.
    """

    default: Any
    kind: type
    help: str
    low: float
    high: float
    above: bool
    below: bool
    unit: str
    choices: tuple[Any, ...]
    many: bool
    optional: bool
    metavar: str
    option: str
    group: str
    section: str

    @property
    def range(self) -> str:
        """Range of a number as text; empty for other types."""
        if self.choices or self.kind in (bool, str):
            return ""
        bounds = f"{'above ' * self.above}{self.low:,} to {'below ' * self.below}{self.high:,}"
        return f"{bounds} {self.unit}".rstrip()

    @property
    def rule(self) -> str:
        """Condition on a value, completing "must be …"."""
        if self.choices:
            rule = f"one of {', '.join(str(choice) or 'nothing' for choice in self.choices)}"
        elif self.many:
            rule = f"a list of at most {_MAX_TEXTS:,} texts"
        elif self.kind is str:
            rule = f"a text of at most {_MAX_CHARACTERS:,} characters"
        elif self.kind is bool:
            rule = "true or false"
        else:
            kind = "whole number" if self.kind is int else "number"
            rule = f"a {kind} {'from ' * (not self.above)}{self.range}"
        return f"{rule}, or null" if self.optional else rule

    @property
    def sentence(self) -> str:
        """The help, with a number's range."""
        return f"{self.help.removesuffix('.')} ({self.range})." if self.range else self.help

    def check(self, name: str, value: object) -> None:
        """Check a value against the definition.

        Raises:
            ParameterError: The value has another type, or is out of range.
        """
        if self.many:
            holds = isinstance(value, tuple) and len(value) <= _MAX_TEXTS
            holds = holds and all(map(self._holds, value))  # type: ignore[call-overload]
        else:
            holds = (value is None and self.optional) or self._holds(value)
        check(name, holds, self.rule, value)

    def _holds(self, value: Any) -> bool:
        if self.kind in (bool, str):
            fits = isinstance(value, self.kind)
        else:
            is_number = isinstance(value, Integral if self.kind is int else Real)
            fits = is_number and not isinstance(value, bool)
        if not fits or self.choices:
            return fits and value in self.choices
        if self.kind is str:
            return len(value) <= _MAX_CHARACTERS
        # Every comparison with NaN is false.
        is_above = self.low < value if self.above else self.low <= value
        is_below = value < self.high if self.below else value <= self.high
        return self.kind is bool or bool(is_above and is_below)


def define(
    default: _Value,
    help_text: str,
    *,
    low: float = 0,
    high: float = 1,
    above: bool = False,
    below: bool = False,
    unit: str = "",
    choices: tuple[Any, ...] = (),
    metavar: str = "",
    option: str = "",
    group: str = "",
    section: str = "",
) -> _Value:
    """A field of a section: see `Definition`.

    The type of the default is the type of the values: a tuple means several texts, None a number
    that may be missing.
    """
    kind = {tuple: str, type(None): float}.get(type(default), type(default))
    definition = Definition(
        default=default,
        kind=kind,
        help=help_text,
        low=low,
        high=high,
        above=above,
        below=below,
        unit=unit,
        choices=choices,
        many=isinstance(default, tuple),
        optional=default is None,
        metavar=metavar,
        option=option,
        group=group,
        section=section,
    )
    return dataclasses.field(default=default, metadata={"definition": definition})


class Section:
    """A section of `params.yaml`: a frozen dataclass that checks its values on creation.

    Attributes:
        name: Name of the section.

    Raises:
        ParameterError: A value has another type, or is out of range.
    """

    __slots__ = ()
    name: ClassVar[str]

    def __post_init__(self) -> None:
        for key, definition in definitions(type(self)).items():
            definition.check(f"{definition.section or self.name}.{key}", getattr(self, key))
        self._check_together()

    def _check_together(self) -> None:
        """Check conditions between values."""


def definitions(section: Any) -> dict[str, Definition]:
    """Definitions of a section's fields, by key."""
    return {
        field.name: field.metadata["definition"]
        for field in dataclasses.fields(section)
        if "definition" in field.metadata
    }


def check(name: str, holds: bool, rule: str, received: object) -> None:
    """Check a condition on the parameter `name`.

    Raises:
        ParameterError: The condition does not hold.
    """
    if not holds:
        raise ParameterError(name, rule, received)

"""What holds for a value, or the error that says so."""

from __future__ import annotations

from trapgen.core.errors import ParameterError


def check(name: str, holds: bool, rule: str, received: object) -> None:
    """A rule that the parameter `name` must keep.

    Raises:
        ParameterError: It does not hold.
    """
    if not holds:
        raise ParameterError(name, rule, received)


def check_share(name: str, value: float) -> None:
    """The value is a share, from 0 to 1."""
    check(name, 0 <= value <= 1, "a share from 0 to 1", value)


def check_count(name: str, value: int, least: int = 1) -> None:
    """The value is a whole number, and no less than `least`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    check(name, whole and value >= least, f"a whole number of at least {least}", value)


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """The value is one of the choices."""
    listed = ", ".join(str(choice) or "nothing" for choice in choices)
    check(name, value in choices, f"one of {listed}", value)

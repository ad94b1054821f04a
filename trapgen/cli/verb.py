"""A verb of the command: its own options, and options made from parameter definitions.

The definitions import numpy, so a verb reads them only when its options are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from trapgen.core import Definition

_METAVARS: Final = {int: "N", float: "NUMBER", str: "TEXT"}
_OF_CONTEXT: Final = "trapgen.options"
_KEY_MAP: Final = "key_map"
"""The option that also takes a file, in place of its content."""


class Verb(click.Command):
    """A verb that takes parameters of stages.

    Args:
        takes: Maps an argument of the function to a section of `params.yaml` (`sample`), or to one
            key (`sample.bpm`, `seed`). A section is passed as its class, with an option for every
            key that is not already an option of the verb; a key is passed as its value.
    """

    def __init__(self, *args: Any, takes: Mapping[str, str] | None = None, **others: Any) -> None:
        super().__init__(*args, **others)
        self._takes = takes or {}

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The verb's own options, and those made from definitions."""
        own = super().get_params(ctx)
        if _OF_CONTEXT not in ctx.meta:
            names = {param.name for param in own}
            ctx.meta[_OF_CONTEXT] = {
                argument: _make_options(argument, place, names)
                for argument, place in self._takes.items()
            }
        return [*own, *(option for made in ctx.meta[_OF_CONTEXT].values() for option in made)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the function, with each section as an object of its class."""
        from trapgen.core import SECTIONS

        for argument, place in self._takes.items():
            if place in SECTIONS:
                keys = [option.name for option in ctx.meta[_OF_CONTEXT][argument]]
                ctx.params[argument] = SECTIONS[place](**{key: ctx.params.pop(key) for key in keys})
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and not isinstance(param, click.Argument):
                groups.setdefault(getattr(param, "group", "Options"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


class _Option(click.Option):
    """An option made from a definition, with its group in the help."""

    def __init__(self, name: str, place: str, definition: Definition, group: str) -> None:
        kind, default = definition.kind, definition.default
        flag = definition.option or f"--{place.rpartition('.')[2].replace('_', '-')}"
        choices = "|".join(str(choice) for choice in definition.choices if choice)
        super().__init__(
            # An option that is on by default needs a flag that turns it off.
            [f"{flag}/--no-{flag[2:]}" if default is True else flag, name],
            default=default,
            help=definition.sentence,
            is_flag=kind is bool,
            metavar=definition.metavar or (f"[{choices}]" if choices else _METAVARS.get(kind)),
            multiple=definition.many,
            show_default=default not in (None, "", (), False),
            type=bool if kind is bool else str,
        )
        self.group, self._definition, self._place = group, definition, place

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert the value to the definition's type.

        Raises:
            ParameterError: The value has another type, or is out of range.
        """
        value = super().process_value(ctx, value)
        if self.name == _KEY_MAP:
            from trapgen.core import resolve_key_map

            value = resolve_key_map(value)
        if self._definition.many:
            value = tuple(part for text in value for part in text.split(",") if part)
        elif isinstance(value, str):
            # `check` names a value that is not a number.
            with suppress(ValueError):
                value = self._definition.kind(value)
        self._definition.check(self._place, value)
        return value


def _make_options(argument: str, place: str, own: set[str]) -> list[_Option]:
    """The options of a section's keys, or of one key."""
    from trapgen.core import SECTIONS, Params, definitions

    if place in SECTIONS:
        heading = (SECTIONS[place].__doc__ or place).partition("\n")[0].rstrip(".")
        return [
            _Option(key, f"{found.section or place}.{key}", found, found.group or heading)
            for key, found in definitions(SECTIONS[place]).items()
            if key not in own
        ]
    section, _, key = place.rpartition(".")
    found = definitions(SECTIONS.get(section, Params))[key]
    return [_Option(argument, place, found, "Options")]

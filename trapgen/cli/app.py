"""Shared by the verbs: the application, common options, and output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trapgen.core import MidiError


def _say_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from trapgen import __version__

        print(f"trapgen {__version__}")
        ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Print the version.",
)
def app() -> None:
    """Generate trap drum loops; prepare, audit and score loops to learn from.

    In a checkout, `make run` trains a model.
    """


# What cannot be read is refused by the reader, with exit code 3.
PATH = click.Path(path_type=Path, readable=False)
SOURCE = click.argument(
    "source", metavar="SRC", type=PATH, help="A file, or a folder, searched recursively."
)
OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace existing files of the same names."
)
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object to standard output."
)


def say(message: str) -> None:
    """Print a one-line message to standard error; characters that a terminal obeys are escaped."""
    from trapgen.core import printable

    print(printable(message), file=sys.stderr)


def show(line: str) -> None:
    """Print a line of a result to standard output, escaped as by `say`."""
    from trapgen.core import printable

    print(printable(line))


def say_rejects(rejects: Iterable[MidiError]) -> None:
    """Report which files were not read, and why."""
    for error in rejects:
        say(f"rejected: {error}")


class Notes:
    """What was done to files, collected as they are read, to be said once for all of a kind."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, note: str) -> None:
        """Add a clause about a file."""
        self._names.setdefault(note, []).append(name)

    def say(self) -> None:
        """Print each clause once, with the first of the files that it is about."""
        for note, names in self._names.items():
            others = f" and {len(names) - 1} others" if len(names) > 1 else ""
            say(f"note: {names[0]}{others}: {note}")


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object to standard output."""
    # Names may have characters that standard output cannot take, or that a terminal obeys.
    print(json.dumps(value))

"""What the verbs share: the application, their common options, and how they speak."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trapgen.core import MidiError

app = typer.Typer(
    name="trapgen",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from trapgen import __version__

        print(f"trapgen {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version."),
    ] = False,
) -> None:
    """Learn trap drum loops from a handful of MIDI files, and draw new ones."""


Source = Annotated[
    Path, typer.Argument(metavar="SRC", help="A file, or a folder that is searched through.")
]
Grid = Annotated[
    int, typer.Option("--steps-per-bar", help="Steps to a bar of 4/4: 16, 24, 32, 48 or 96.")
]
KeyMapName = Annotated[
    str,
    typer.Option(
        "--key-map",
        help="auto, or a name that `trapgen keymap list` shows: for files with no role in theirs.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files of the same names that are there already."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def say(message: str) -> None:
    """Tell the user something, on standard error."""
    print(message, file=sys.stderr)


def say_rejects(rejects: Iterable[MidiError]) -> None:
    """Tell which files were not read, and why."""
    for error in rejects:
        say(f"rejected: {error}")


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False))

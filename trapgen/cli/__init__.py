"""The command `trapgen`: every verb works on files alone, without the pipeline.

Results go to files and, with `--json`, to standard output as one object; progress and messages go
to standard error. Verbs import heavy packages when they run, so `--help` is fast.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

# Importing a module registers its verbs.
from trapgen.cli import importing, keymaps, lineage, loops, models
from trapgen.cli.app import app, say


def main() -> None:
    """Run the command; a `TrapgenError` ends it with its exit code and a one-sentence message."""
    try:
        sys.exit(app(prog_name="trapgen", standalone_mode=False))
    except click.Abort:
        say("aborted")
        sys.exit(1)
    except Exception as error:
        from trapgen.core import TrapgenError, WriteError, printable

        if isinstance(error, OSError):
            error = WriteError(Path.cwd(), error)
        if isinstance(error, click.ClickException):
            # Its message may quote an argument, which may be the name of a file.
            error.message = printable(error.message)  # type: ignore[misc]
            error.show()
        elif isinstance(error, TrapgenError):
            say(f"error: {error}")
        else:
            raise
        sys.exit(error.exit_code)

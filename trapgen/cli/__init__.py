"""The command `trapgen`: every verb works on files alone, without the pipeline.

Results go to files and, with `--json`, to standard output as one object; progress and messages go
to standard error. Verbs import heavy packages when they run, so `--help` is fast.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Importing a module registers its verbs.
from trapgen.cli import importing, keymaps, lineage, loops, models
from trapgen.cli.app import app, say


def main() -> None:
    """Run the command; a `TrapgenError` ends it with its exit code and a one-sentence message."""
    try:
        app(prog_name="trapgen")
    except Exception as error:
        from trapgen.core import TrapgenError, WriteError

        if isinstance(error, OSError):
            error = WriteError(Path.cwd(), error)
        if not isinstance(error, TrapgenError):
            raise
        say(f"error: {error}")
        sys.exit(error.exit_code)

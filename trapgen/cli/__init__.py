"""The command `trapgen`: every verb works on files alone, without the pipeline.

Results go to files and, with `--json`, as one object to standard output; progress and messages go
to standard error. Heavy imports stand in the verbs, so that `--help` is quick.
"""

from __future__ import annotations

import sys

# A module's verbs register themselves when it is imported.
from trapgen.cli import importing, keymaps, loops, models
from trapgen.cli.app import app, say


def main() -> None:
    """Run the command; an error of the project's own ends with its exit code and one sentence."""
    try:
        app(prog_name="trapgen")
    except Exception as error:
        from trapgen.core import TrapgenError

        if not isinstance(error, TrapgenError):
            raise
        say(f"error: {error}")
        sys.exit(error.exit_code)

"""The command `trapgen-ops`, which runs `tasks/ops.py` of the checkout in the current folder."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run the checkout's own code, which an installed wheel does not have."""
    if not Path("tasks", "ops.py").is_file():
        print("error: no tasks/ops.py here: run trapgen-ops in a checkout", file=sys.stderr)
        sys.exit(2)
    sys.path.insert(0, str(Path.cwd()))
    runpy.run_module("tasks.ops", run_name="__main__", alter_sys=True)

"""The command `trapgen` as a user calls it: here, or where the process is what is tested, apart."""

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from trapgen.cli import main


def trapgen(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, which has its imports done."""
    out, err = io.StringIO(), io.StringIO()
    command = ["trapgen", *map(str, arguments)]
    code = 0
    with patch("sys.argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def run_trapgen(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "trapgen.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

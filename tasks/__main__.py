"""Run one stage directly: `python -m tasks STAGE`."""

import sys
from pathlib import Path

from tasks.stage import load_stage
from trapgen.core import TrapgenError


def main(arguments: list[str]) -> int:
    """Run the named stage; the exit code is that of `trapgen.core.errors`."""
    if len(arguments) != 1:
        print("usage: python -m tasks STAGE", file=sys.stderr)
        return 2
    try:
        load_stage(arguments[0]).run(Path.cwd())
    except TrapgenError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run one stage directly: `python -m tasks STAGE`."""

import sys
from pathlib import Path

from tasks.stage import hold_checkout, load_stage
from trapgen.core import TrapgenError, WriteError


def main(arguments: list[str]) -> int:
    """Run the named stage; the exit code is that of `trapgen.core.errors`."""
    if len(arguments) != 1:
        print("usage: python -m tasks STAGE", file=sys.stderr)
        return 2
    [name] = arguments
    try:
        stage = load_stage(name)
        with hold_checkout(Path.cwd(), f"python -m tasks {name}"):
            stage.run(Path.cwd())
    except (TrapgenError, OSError) as error:
        known = error if isinstance(error, TrapgenError) else WriteError(Path.cwd(), error)
        print(f"{name}: {known}", file=sys.stderr)
        return known.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Files that users put into the checkout, checked before DVC reads them: `python -m tasks.inputs`.

DVC opens every file of a folder that a stage depends on. At a pipe or a device it waits for ever,
and at a link to nowhere it refuses without saying which.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.places import OUTSIDE, PACKS, PROMPTS, START
from trapgen.core import InputError
from trapgen.ingest import list_files


def check_inputs(root: Path) -> None:
    """Check that DVC can read the files that users put into a checkout.

    Raises:
        InputError: There is a pipe, a device or a broken link; the first is named.
    """
    for place in (PACKS, START, PROMPTS, OUTSIDE):
        if not (root / place).is_dir():
            continue
        listing = list_files(root / place)
        found = [(path, "not_a_file", "a pipe or device") for path in listing.special]
        found += [
            (error.path, error.rule, str(error.received))
            for error in listing.refused
            if error.rule == "broken_link"
        ]
        for path, rule, received in sorted(found):
            raise InputError(path, rule, received, f"DVC cannot read it: move it out of {place}.")


def main() -> int:
    """Check the current folder."""
    try:
        check_inputs(Path())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

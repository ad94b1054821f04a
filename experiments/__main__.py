"""Run experiments of the plan, and write the figures into `docs/reproduction.md`.

`python -m experiments` runs all or the named experiments, or none with `--page`, and puts tables
and pictures of the results into the page. `dvc exp show` in the folder it names lists the runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.page import RESULTS, write_page
from experiments.plan import PLAN
from experiments.workspace import SHARED, make_workspace, run_experiment
from trapgen.core import read_json, write_json

_NO_DATA = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run, write; the exit code is that of `trapgen.core.errors`."""
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PLAN)}")
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    parser.add_argument("--folder", type=Path, help="a new folder to run in; default: temporary")
    told = parser.parse_args(arguments)
    if unknown := set(told.names) - set(PLAN):
        parser.error(f"no experiment {', '.join(sorted(unknown))}")
    chosen = [] if told.page else [PLAN[name] for name in told.names or PLAN]
    if missing := sorted({one.data for one in chosen if not (SHARED / one.data).is_dir()}):
        print(
            f"experiments: {', '.join(missing)} missing in {SHARED}: drum MIDI that this "
            "repository does not hold; docs/reproduction.md says what it is, and TRAPGEN_SHARED "
            "names its parent folder",
            file=sys.stderr,
        )
        return _NO_DATA
    if chosen:
        folder = told.folder or Path(tempfile.mkdtemp(prefix="trapgen-experiments-"))
        make_workspace(folder)
        print(f"experiments: in {folder}", flush=True)
        for one in chosen:
            # Saved one by one, so that a later failure loses no result.
            results = read_json(RESULTS) if RESULTS.is_file() else {}
            results[one.name] = run_experiment(folder, one)
            write_json(RESULTS, {name: results[name] for name in PLAN if name in results})
    write_page(read_json(RESULTS))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Prefect over DVC: flows that run the stages of `dvc.yaml` in one process.

    dag        DVC's graph, and DVC operations around a stage's run: no Prefect
    pipeline   the flow that brings every stage up to date          python -m flows.pipeline
    spread     a stage's files in chunks on threads, processes or Dask
    progress   files and epochs done, in a run's log and as artifacts
    reasons    states, retries and exit codes that follow from an error
    links      where to read more about a run
    runs       flow runs of a checkout; an end for those that were killed
    repair     what a kill in one of DVC's writes left behind
    retrain    the flow that rebuilds what changed, and logs why    python -m flows.retrain
    keep       a rebuild's pointers in git, its files at the DVC remote
    notify     failures, refusals and promotions, told to a webhook
    serve      `retrain` on the schedule in `prefect.yaml`          python -m flows.serve

`dvc.yaml` is the only description of the order. After a flow, `dvc repro` finds nothing to do;
after `dvc repro`, a flow finds every stage cached.

The defaults below are set here because Prefect reads its settings once, on import, and every
import of this package runs this file before it reaches `import prefect`. Variables that are already
set take precedence.

A module that defines a flow does not use `from __future__ import annotations`: `Flow.serve` sends
the function by value to another process, where string annotations cannot be resolved.
"""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout that contains this package."""

for _name, _value in {
    "PREFECT_HOME": str(ROOT / ".prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A temporary server takes 15 to 25 s to start on 2 cores; Prefect's default limit is 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DVC_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "true",
}.items():
    os.environ.setdefault(_name, _value)

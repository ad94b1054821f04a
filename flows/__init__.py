"""Prefect over DVC: flows that run the stages of `dvc.yaml` in one process.

    dag        DVC's graph, and the few DVC operations around a stage's run: no Prefect
    pipeline   the flow that brings every stage up to date       python -m flows.pipeline
    spread     a stage's files in chunks on threads, processes or Dask
    retrain    the flow that looks first, and writes down why    python -m flows.retrain
    serve      `retrain` on the schedule in `prefect.yaml`       python -m flows.serve

`dvc.yaml` stays the only description of the order. After a flow, `dvc repro` finds nothing to
do; after `dvc repro`, a flow finds every stage cached.

The defaults below stand here because Prefect reads its settings once, while it is imported, and
every way into this package passes this file before it reaches `import prefect`. Whoever sets the
same variables outside is obeyed.

A module that defines a flow does without `from __future__ import annotations`: `Flow.serve` sends
the function by value to another process, where an annotation that is a string names nothing.
"""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout that this package lies in."""

for _name, _value in {
    "PREFECT_HOME": str(ROOT / ".prefect"),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # A temporary server takes 15 to 25 s to start on 2 cores; Prefect gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DVC_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "true",
}.items():
    os.environ.setdefault(_name, _value)

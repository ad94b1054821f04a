"""Serve `retrain` on the schedule in `prefect.yaml`, until interrupted.

    prefect server start --host 127.0.0.1
    PREFECT_API_URL=http://127.0.0.1:4200/api python -m flows.serve

Runs are processes on this machine, in the current folder, one at a time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL

from flows import ROOT
from flows.pipeline import exit_code
from flows.retrain import retrain
from trapgen.core import InputError, ParameterError

DEPLOYMENTS: Final = ROOT / "prefect.yaml"


def read_deployment(path: Path, name: str) -> dict[str, Any]:
    """Read one deployment from a `prefect.yaml`, unchanged.

    Raises:
        InputError: No deployment has that name.
    """
    deployments = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    for deployment in deployments:
        if deployment["name"] == name:
            return dict(deployment)
    names = ", ".join(deployment["name"] for deployment in deployments)
    raise InputError(path, "unknown_deployment", name, f"Name one of {names}.")


def serve_nightly(path: Path = DEPLOYMENTS) -> None:
    """Serve the deployment `retrain/nightly`; returns when the process is stopped.

    Raises:
        ParameterError: No server is configured; a temporary one would forget the schedule.
    """
    if not PREFECT_API_URL.value():
        raise ParameterError("PREFECT_API_URL", "the address of a running Prefect server", None)
    deployment = read_deployment(path, "nightly")
    retrain.serve(
        name=deployment["name"],
        description=deployment["description"],
        schedules=[Cron(entry["cron"], entry["timezone"]) for entry in deployment["schedules"]],
        limit=deployment["concurrency_limit"]["limit"],
    )


if __name__ == "__main__":
    sys.exit(exit_code(serve_nightly))

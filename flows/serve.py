"""Serve `retrain` as the deployment in `prefect.yaml` says, until interrupted.

    make prefect                              in another terminal
    PREFECT_API_URL=http://127.0.0.1:4200/api python -m flows.serve

Runs are processes on this machine, in the current folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL

from flows import ROOT
from flows.reasons import exit_code
from flows.retrain import retrain
from flows.runs import close_killed_runs, tag_checkout
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
    root = Path(deployment["parameters"].get("root", "."))
    # They would keep the only place that the concurrency limit gives.
    close_killed_runs(root)
    retrain.serve(
        name=deployment["name"],
        description=deployment["description"],
        tags=[*deployment["tags"], tag_checkout(root)],
        parameters=deployment["parameters"],
        schedules=[Cron(entry["cron"], entry["timezone"]) for entry in deployment["schedules"]],
        # Not `limit`, which holds within this process only and makes a second run wait.
        global_limit=ConcurrencyLimitConfig(**deployment["concurrency_limit"]),
    )


if __name__ == "__main__":
    sys.exit(exit_code(serve_nightly))

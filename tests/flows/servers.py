"""Real servers and schedulers, for tests of what only they show."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, LogFilter
from prefect.client.schemas.objects import FlowRun

from flows import ROOT


@contextmanager
def running(log: Path, *command: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """Run a Python module until the block ends, and stop whatever it has started."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        kill_group(process)


def kill_group(process: subprocess.Popen) -> None:
    """Kill a process and all that it has started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], object], *logs: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "\n".join(log.read_text() for log in logs if log.exists())
        time.sleep(0.2)


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def hear() -> Iterator[tuple[str, list[dict]]]:
    """A webhook's address, and what it has been told."""
    told: list[dict] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", told
        finally:
            server.shutdown()
            thread.join()


class Scheduler:
    """The deployment `nightly`, served from a checkout."""

    def __init__(self, client: SyncPrefectClient, checkout: Path, home: Path) -> None:
        self.client, self.checkout = client, checkout
        self.log = checkout / "serve.log"
        self._environment = {
            "PREFECT_API_URL": str(client.api_url),
            "PREFECT_HOME": str(home),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }

    @contextmanager
    def serve(self, **environment: str) -> Iterator[subprocess.Popen]:
        ready = "is being served"
        before = self.log.read_text().count(ready) if self.log.exists() else 0
        variables = self._environment | environment
        with running(self.log, "flows.serve", cwd=self.checkout, **variables) as process:
            wait_for(lambda: self.log.read_text().count(ready) > before, self.log)
            yield process

    @contextmanager
    def retrain(self, *options: str) -> Iterator[subprocess.Popen]:
        """Run the flow by hand, on the same server."""
        command = ("flows.retrain", *options)
        with running(self.log, *command, cwd=self.checkout, **self._environment) as process:
            yield process

    def trigger(self) -> UUID:
        return self.client.create_flow_run_from_deployment(self._find_deployment()).id

    def add_schedule(self, cron: str) -> None:
        schedules = [{"schedule": {"cron": cron, "timezone": "UTC"}, "active": True}]
        path = f"/deployments/{self._find_deployment()}/schedules"
        self.client.request("POST", path, json=schedules).raise_for_status()

    def read_scheduled(self) -> list[FlowRun]:
        """The runs that a schedule has made, not a trigger."""
        return [run for run in self.client.read_flow_runs() if run.auto_scheduled]

    def read(self, run: UUID) -> FlowRun:
        return self.client.read_flow_run(run)

    def wait(self, run: UUID) -> FlowRun:
        wait_for(lambda: self.read(run).state.is_final(), self.log)
        return self.read(run)

    def read_log(self, run: UUID) -> list[str]:
        found = LogFilter(flow_run_id={"any_": [run]})
        body = {"logs": found.model_dump(mode="json"), "sort": "TIMESTAMP_ASC"}
        logs = self.client.request("POST", "/logs/filter", json=body).json()
        return [line["message"] for line in logs]

    def read_tasks(self, run: UUID) -> dict[str, str]:
        runs = FlowRunFilter(id={"any_": [run]})
        found = self.client.read_task_runs(flow_run_filter=runs)
        return {task.name: task.state.name for task in found}

    def _find_deployment(self) -> UUID:
        return {found.name: found.id for found in self.client.read_deployments()}["nightly"]

"""A served model, compared with direct generation: `python -m bench.serve`.

Prints the seconds of 200 requests of four loops of four bars, from MLflow's server on this machine
and from a call of the library, by turns, so that both see the same load.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.serving.package import save
from trapgen.core import SampleParams
from trapgen.factory import factory_folder
from trapgen.generate import generate_in_memory, load_generator

ROOT = Path(__file__).resolve().parents[1]
LOOPS, BARS = 4, 4
_START_S: Final = 180
_REQUEST_S: Final = 120


def post(address: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
    """Send a request to a served model; status and content of the answer."""
    request = urllib.request.Request(
        f"{address}/invocations", data=body, headers={"Content-Type": kind}
    )
    try:
        with urllib.request.urlopen(request, timeout=_REQUEST_S) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(address: str, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Loops of a served model for a table of requests.

    Raises:
        RuntimeError: The server refuses.
    """
    status, content = post(address, json.dumps({"inputs": list(requests)}).encode())
    if status != 200:
        raise RuntimeError(f"{status}: {content.decode(errors='replace')}")
    loops: list[dict[str, Any]] = json.loads(content)["predictions"]
    return loops


@contextmanager
def start(command: Sequence[str], root: Path = ROOT) -> Iterator[str]:
    """Start a command that serves, with `--port` behind it; the server's address.

    Raises:
        RuntimeError: It does not begin to serve.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with tempfile.TemporaryFile() as said:
        # A group of its own: MLflow starts the server as a child.
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=root,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            _wait(address, server)
            yield address
        except TimeoutError as error:
            said.seek(0)
            raise RuntimeError(said.read().decode(errors="replace")) from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def start_mlflow(model: Path) -> AbstractContextManager[str]:
    """Start MLflow's own server with a saved model; its address."""
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    return start([*command, "--model-uri", str(model)])


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError


def compare(address: str, folder: Path, n_requests: int) -> dict[str, list[float]]:
    """Seconds of each request, served and direct.

    Raises:
        RuntimeError: The server refuses, or answers with other loops.
    """
    generator = load_generator(folder)
    params = SampleParams(loops=LOOPS, bars=BARS)
    seconds: dict[str, list[float]] = {"served": [], "direct": []}
    for seed in range(n_requests):
        start = time.perf_counter()
        served = ask(address, [{"loops": LOOPS, "bars": BARS, "seed": seed}])
        middle = time.perf_counter()
        direct = generate_in_memory(generator, params, seed)
        seconds["served"].append(middle - start)
        seconds["direct"].append(time.perf_counter() - middle)
        if [json.loads(row["receipt"]) for row in served] != [receipt for _, receipt in direct]:
            raise RuntimeError(f"other loops of seed {seed}")
    return seconds


def show(seconds: Mapping[str, Sequence[float]]) -> Table:
    """The table of both."""
    n_requests = len(seconds["served"])
    title = f"{n_requests} requests of {LOOPS} loops of {BARS} bars"
    table = Table("", "median, s", "p95, s", title=title)
    for name, found in seconds.items():
        table.add_row(name, f"{np.median(found):.3f}", f"{np.quantile(found, 0.95):.3f}")
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=factory_folder(), help="a model's folder")
    parser.add_argument("--requests", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        save(options.model.resolve(), Path(scratch) / "model")
        with start_mlflow(Path(scratch) / "model") as address:
            Console().print(show(compare(address, options.model, options.requests)))


if __name__ == "__main__":
    main()

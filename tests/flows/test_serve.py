import asyncio
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import cloudpickle
import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

import flows
from flows import ROOT
from flows.retrain import retrain
from flows.serve import DEPLOYMENTS, read_deployment, serve_nightly
from trapgen.core import InputError, ParameterError


def test_nightly_is_the_retrain_flow(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    entrypoint = read_deployment(DEPLOYMENTS, "nightly")["entrypoint"]
    loaded = load_flow_from_entrypoint(entrypoint)
    assert (loaded.name, loaded.parameters) == (retrain.name, retrain.parameters)


def test_nightly_comes_once_a_day_at_three() -> None:
    [entry] = read_deployment(DEPLOYMENTS, "nightly")["schedules"]
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    dates = asyncio.run(CronSchedule(**entry).get_dates(n=2, start=noon))
    assert dates == [datetime(2026, 1, day, 3, tzinfo=UTC) for day in (2, 3)]


def test_prefect_yaml_holds_no_place_of_any_machine() -> None:
    def texts(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [t for v in value for t in texts(v)] if isinstance(value, list) else [str(value)]

    for text in texts(yaml.safe_load(DEPLOYMENTS.read_text())):
        assert not Path(text).is_absolute()
        assert "://" not in text


def test_a_deployment_of_another_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"hourly\). Name one of nightly"):
        read_deployment(DEPLOYMENTS, "hourly")


def test_serving_needs_a_server_that_remembers() -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(ParameterError):
        serve_nightly()


LOAD_AND_VALIDATE = """
import pickle, sys
for flow in pickle.load(sys.stdin.buffer):
    print(flow.name, flow.validate_parameters({}))
"""


def find_flows() -> dict[str, Flow]:
    modules = [
        import_module(f"flows.{found.name}") for found in pkgutil.iter_modules(flows.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    return {value.name: value for value in values if isinstance(value, Flow)}


@pytest.mark.slow
def test_every_flow_keeps_its_parameters_in_the_process_that_serve_starts() -> None:
    # As `Flow.serve` sends it: by value, to a process that has imported none of its module.
    found = find_flows()
    assert {"pipeline", "retrain"} <= set(found)
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_VALIDATE],
        input=cloudpickle.dumps(list(found.values())),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines() == [
        f"{name} {served.validate_parameters({})}" for name, served in found.items()
    ]

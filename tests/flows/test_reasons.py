"""Errors as states, retries and lines of a log."""

import logging

import pytest
import requests
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.states import Failed
from prefect.task_engine import TaskRunTimeoutError

from flows.pipeline import build_stages
from flows.reasons import RETRIES, fail_with_reason, may_heal
from tasks.stage import Stage
from trapgen.core import GateRefusedError, InputError, ParameterError


def chain(outer: Exception, inner: Exception) -> Exception:
    try:
        try:
            raise inner
        except Exception:
            raise outer  # noqa: B904  # as MLflow does
    except Exception as error:
        return error


REFUSED = GateRefusedError(["no"])


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionRefusedError("no server"), True),
        (requests.ConnectionError("no server"), True),
        (chain(RuntimeError("API request failed"), requests.Timeout()), True),
        (REFUSED, False),
        (chain(InputError("a.mid", "rule", 0, "Advice."), ConnectionError()), False),
        (ParameterError("seed", "a number", "x"), False),
        (FileNotFoundError("a.mid"), False),
        (ZeroDivisionError(), False),
        (TaskRunTimeoutError(), False),
        (None, False),
    ],
    ids=str,
)
def test_only_what_may_be_over_later_is_tried_again(error, again: bool) -> None:
    assert may_heal(None, None, Failed(data=error)) is again


def test_a_refusal_has_a_state_of_its_own() -> None:
    def run(error: Exception) -> None:
        raise error

    refused, failed = map(fail_with_reason(run), [REFUSED, ParameterError("seed", "a", 1)])
    assert (refused.type, refused.name) == ("FAILED", "Refused")
    assert refused.message == "the audit's gate refuses: no"
    assert failed.name == "Failed"
    with pytest.raises(ZeroDivisionError):
        fail_with_reason(run)(ZeroDivisionError())


@pytest.mark.parametrize(
    ("error", "logged"), [(REFUSED, False), (None, False), (ZeroDivisionError(), True)]
)
@pytest.mark.parametrize("name", ["prefect.engine", "prefect.flow_runs", "prefect.task_runs"])
def test_only_the_traceback_of_an_unexpected_error_is_logged(error, logged, name) -> None:
    logger = logging.getLogger(name)
    info = (type(error), error, None) if error else (None, None, None)
    record = logger.makeRecord(name, logging.ERROR, "f", 1, "ended", (), info)
    assert bool(logger.filter(record)) is logged
    plain = logger.makeRecord(name, logging.ERROR, "f", 1, "ended", (), None)
    assert logger.filter(plain)


@pytest.fixture
def soon(monkeypatch) -> None:
    monkeypatch.setitem(RETRIES, "retry_delay_seconds", [0.1])


def count_runs(state) -> dict[str, int]:
    run = FlowRunFilter(id={"any_": [state.state_details.flow_run_id]})
    with get_client(sync_client=True) as client:
        tasks = client.read_task_runs(flow_run_filter=run)
    return {task.name: task.run_count for task in tasks}


def test_a_stage_whose_server_was_away_runs_again(built, load_toy, prefect_server, soon) -> None:
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    errors = [ConnectionError("no tracking server")] * 2

    def train(root) -> None:
        if errors:
            raise errors.pop()
        load_toy("train").run(root)

    def load(name: str) -> Stage:
        return Stage("train", "1", train) if name == "train" else load_toy(name)

    @flow
    def run():
        build_stages(built.root, load=load)

    state = run(return_state=True)
    assert state.is_completed()
    assert count_runs(state)["train"] == 3
    assert built.status() == {}


def test_a_refusal_is_not_tried_again(toy, load_toy, prefect_server, soon) -> None:
    toy.edit("params.yaml", "limit: 3", "limit: 1")

    @flow
    def run():
        build_stages(toy.root, load=load_toy)

    assert count_runs(run(return_state=True))["audit"] == 1


def test_a_stage_that_takes_too_long_is_stopped(built, load_toy, prefect_server, soon) -> None:
    (built.root / "hold").touch()
    built.edit("params.yaml", "epochs: 1", "epochs: 2")

    @flow
    def run(hours: float):
        build_stages(built.root, stage_hours=hours, load=load_toy)

    state = run(1 / 3600, return_state=True)
    assert state.is_failed()
    assert count_runs(state)["train"] == 1
    assert list(built.status()) == ["train"]
    with pytest.raises(ParameterError, match="stage_hours must be above 0"):
        run(0)

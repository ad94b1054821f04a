"""A scheduler and a Prefect server as users run them."""

import json
import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient

from flows.retrain import LOG
from flows.runs import tag_checkout
from tasks.stage import HOLDER
from tests.flows.servers import Scheduler, find_port, hear, kill_group, running, wait_for
from tests.flows.toy_stages import HOLD

pytestmark = pytest.mark.servers
REFUSAL = "the audit's gate refuses: 2 texts are more than 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SyncPrefectClient]:
    """A real Prefect server, as `make prefect` starts it."""
    folder = tmp_path_factory.mktemp("server")
    port, log = str(find_port()), folder / "server.log"
    command = ("flows.server", "--port", port)
    with (
        running(log, *command, cwd=folder, PREFECT_HOME=str(folder / "home")),
        SyncPrefectClient(f"http://127.0.0.1:{port}/api") as client,
    ):
        wait_for(lambda: client.api_healthcheck() is None, log)
        yield client
        assert "Traceback" not in log.read_text()


@pytest.fixture
def scheduler(built, server, tmp_path) -> Scheduler:
    return Scheduler(server, built.root, tmp_path / "home")


def start_training(built) -> None:
    """Make training stale, and hold it up."""
    (built.root / HOLD).touch()
    built.edit("params.yaml", "epochs: 1", "epochs: 3")


def wait_for_training(built, scheduler: Scheduler) -> int:
    """The process in which the held training runs."""
    calls = built.root / "calls.txt"
    wait_for(lambda: calls.exists() and "train" in calls.read_text(), scheduler.log)
    return json.loads((built.root / HOLDER).read_text())["pid"]


def test_a_served_flow_rebuilds_what_changed(built, scheduler) -> None:
    built.edit("params.yaml", "epochs: 1", "epochs: 3")
    weights = built.root / "data/model/weights.txt"
    before = weights.read_text()
    with scheduler.serve():
        run = scheduler.wait(scheduler.trigger())
        nothing = scheduler.wait(scheduler.trigger())
    assert run.state.name == "Completed", f"{run.state.message}\n{scheduler.log.read_text()}"
    assert built.take_calls() == ["train"]
    assert weights.read_text() == 3 * before
    [entry] = [json.loads(line) for line in (built.root / LOG).read_text().splitlines()]
    assert entry["changes"] == {"train": ["params.yaml train modified"]}
    assert built.status() == {}
    assert {"trapgen", tag_checkout(built.root)} <= set(run.tags)
    assert "train: 3 epochs" in scheduler.read_log(run.id)
    assert "Nothing changed: every stage is current." in scheduler.read_log(nothing.id)
    assert nothing.total_run_time.total_seconds() < 10


def test_a_schedule_makes_runs_that_run_by_the_clock(built, scheduler) -> None:
    with scheduler.serve():
        wait_for(scheduler.read_scheduled, scheduler.log)
        assert {run.expected_start_time.hour for run in scheduler.read_scheduled()} == {3}
        scheduler.add_schedule("* * * * *")
        wait_for(
            lambda: any(run.state.name == "Completed" for run in scheduler.read_scheduled()),
            scheduler.log,
            seconds=120,
        )
    assert built.status() == {}


def test_two_schedulers_run_a_trigger_once(built, scheduler) -> None:
    built.edit("params.yaml", "epochs: 1", "epochs: 3")
    with scheduler.serve(), scheduler.serve():
        run = scheduler.wait(scheduler.trigger())
    assert run.state.name == "Completed", scheduler.log.read_text()
    assert (run.run_count, built.take_calls()) == (1, ["train"])
    assert built.status() == {}


def test_a_refusal_is_a_state_with_its_reason_and_no_traceback(built, scheduler) -> None:
    built.edit("params.yaml", "limit: 3", "limit: 1")
    with hear() as (webhook, told), scheduler.serve(TRAPGEN_WEBHOOK=webhook):
        run = scheduler.wait(scheduler.trigger())
        ended = f"- Finished in state Refused({REFUSAL!r}"
        wait_for(lambda: scheduler.log.read_text().count(ended) == 2, scheduler.log)
    assert (run.state.type, run.state.name, run.state.message) == ("FAILED", "Refused", REFUSAL)
    log = "\n".join(scheduler.read_log(run.id)) + scheduler.log.read_text()
    assert "Traceback" not in log
    assert "NoneType" not in log
    assert "exception" not in log
    [message] = told
    assert (message["kind"], message["reason"]) == ("refused", REFUSAL)
    assert message["flow_run"]["id"] == str(run.id)
    assert message["flow_run"]["url"].endswith(str(run.id))


def test_a_second_trigger_is_cancelled_and_a_killed_run_is_closed(built, scheduler) -> None:
    start_training(built)
    with hear() as (webhook, told), scheduler.serve(TRAPGEN_WEBHOOK=webhook):
        first = scheduler.trigger()
        pid = wait_for_training(built, scheduler)
        second = scheduler.wait(scheduler.trigger())
        assert (second.state.name, second.state.message) == (
            "Cancelled",
            "Deployment concurrency limit reached.",
        )
        os.kill(pid, signal.SIGKILL)
        assert scheduler.wait(first).state.name == "Crashed"
        wait_for(lambda: told, scheduler.log)
        (built.root / HOLD).unlink()
        assert scheduler.wait(scheduler.trigger()).state.name == "Completed"
    assert scheduler.read_tasks(first)["train"] == "Crashed"
    assert [message["kind"] for message in told] == ["crashed"]
    assert built.status() == {}


def test_no_run_stays_open_when_the_scheduler_is_killed_with_it(built, scheduler) -> None:
    start_training(built)
    with scheduler.serve() as process:
        first = scheduler.trigger()
        pid = wait_for_training(built, scheduler)
        kill_group(process)
        os.kill(pid, signal.SIGKILL)
        assert scheduler.read(first).state.name == "Running"
    (built.root / HOLD).unlink()
    with scheduler.serve():
        assert scheduler.read(first).state.name == "Crashed"
        # The killed run gave its place back: this one is not cancelled.
        assert scheduler.wait(scheduler.trigger()).state.name == "Completed"
    assert scheduler.read_tasks(first)["train"] == "Crashed"
    assert built.status() == {}


def test_a_flow_that_finds_the_checkout_in_use_says_by_whom(built, scheduler) -> None:
    start_training(built)
    with scheduler.retrain() as first:
        pid = wait_for_training(built, scheduler)
        with scheduler.retrain("--wait-s", "1") as second:
            assert second.wait(90) == 3
        with scheduler.retrain() as third:
            wait_for(lambda: "waiting up to 60 s" in scheduler.log.read_text(), scheduler.log)
            (built.root / HOLD).unlink()
            assert (first.wait(60), third.wait(60)) == (0, 0)
    log = scheduler.log.read_text()
    assert f"in_use (received process {pid}, `flow run " in log
    assert "Traceback" not in log
    assert built.take_calls() == ["train"]
    assert built.status() == {}


@pytest.mark.parametrize(
    ("headers", "status", "allowed"),
    [
        ({"Origin": "http://localhost:{port}"}, 200, "http://localhost:{port}"),
        ({"Origin": "http://evil.example"}, 200, None),
        ({"Host": "evil.example"}, 400, None),
        ({"Host": "localhost"}, 200, None),
    ],
    ids=["own page", "page of another site", "another name", "local name"],
)
def test_the_server_answers_this_machine_alone(server, headers, status, allowed) -> None:
    port = server.api_url.port
    filled = {name: value.format(port=port) for name, value in headers.items()}
    answer = httpx.get(f"{server.api_url}health", headers=filled)
    assert answer.status_code == status
    expected = allowed and allowed.format(port=port)
    assert answer.headers.get("access-control-allow-origin") == expected


def test_the_pages_of_the_server_call_its_own_port_and_no_other_site(server) -> None:
    root = str(server.api_url).removesuffix("api/")
    settings = httpx.get(f"{root}ui-settings").json()
    assert settings["api_url"] == f"{root}api"
    # The other version loads a script that asks amplitude.com.
    assert settings["default_ui"] == "v1"

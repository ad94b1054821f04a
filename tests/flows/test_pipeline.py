import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, TaskRun

from flows import ROOT
from flows.pipeline import build_stages, pipeline
from flows.reasons import exit_code, fail_with_reason
from tasks.stage import Stage, load_stage
from tests.flows import toy_stages
from trapgen.core import GateRefusedError, InputError, ParameterError


@pytest.fixture
def toy_pipeline(load_toy, prefect_server):
    @flow(name="toy")
    @fail_with_reason
    def run(root: str, force: bool = False):
        return build_stages(Path(root), force=force, load=load_toy)

    return run


def states(visits) -> dict[str, str]:
    return {visit.stage: visit.state for visit in visits}


def flow_run_of(state) -> tuple[FlowRun, dict[str, TaskRun]]:
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [run.id]}))
    return run, {task.name: task for task in tasks}


ALL = ["corpus", "audit", "train", "draw"]


def test_a_first_flow_runs_all_and_a_second_finds_all_cached(toy, toy_pipeline) -> None:
    assert states(toy_pipeline(str(toy.root))) == dict.fromkeys(ALL, "Completed")
    assert toy.take_calls() == ALL
    files = toy.files()
    second = toy_pipeline(str(toy.root))
    assert states(second) == dict.fromkeys(ALL, "Cached")
    assert [visit.why for visit in second] == [()] * 4
    assert (toy.take_calls(), toy.files()) == ([], files)


def test_after_a_flow_dvc_has_nothing_to_do(toy, toy_pipeline) -> None:
    toy_pipeline(str(toy.root))
    toy.take_calls()
    status, repro = toy.dvc("status"), toy.dvc("repro")
    assert (status.returncode, status.stdout) == (0, "Data and pipelines are up to date.\n")
    assert (repro.returncode, toy.take_calls()) == (0, [])
    assert "up to date" in repro.stdout


def test_after_dvc_repro_a_flow_finds_all_cached(toy, toy_pipeline) -> None:
    assert toy.dvc("repro").returncode == 0
    assert toy.take_calls() == ALL
    assert states(toy_pipeline(str(toy.root))) == dict.fromkeys(ALL, "Cached")
    assert toy.take_calls() == []


def test_a_parameter_reruns_what_lies_downstream_of_it_alone(built, toy_pipeline) -> None:
    built.edit("params.yaml", "limit: 3", "limit: 4")
    visits = {visit.stage: visit for visit in toy_pipeline(str(built.root))}
    # The audit says the same of the same texts: training need not run again.
    assert built.take_calls() == ["audit"]
    assert visits["audit"].why == ("params.yaml audit modified",)
    built.edit("params.yaml", "files: 2", "files: 3")
    assert states(toy_pipeline(str(built.root))) == dict.fromkeys(ALL, "Completed")
    assert built.take_calls() == ALL


def test_task_runs_have_dvcs_edges_and_the_stages_versions(toy, toy_pipeline) -> None:
    _, tasks = flow_run_of(toy_pipeline(str(toy.root), return_state=True))
    names = {task.id: name for name, task in tasks.items()}
    assert {
        name: sorted(names[upstream.id] for upstream in task.task_inputs["wait_for"])
        for name, task in tasks.items()
        if "wait_for" in task.task_inputs
    } == {"audit": ["corpus"], "draw": ["corpus"], "train": ["audit", "corpus"]}
    assert {task.task_version for task in tasks.values()} == {toy_stages.VERSION}


def test_a_refusing_gate_stops_what_lies_downstream(toy, toy_pipeline, capsys) -> None:
    toy.edit("params.yaml", "limit: 3", "limit: 1")
    reason = "the audit's gate refuses: 2 texts are more than 1"
    state = toy_pipeline(str(toy.root), return_state=True)
    assert toy.take_calls() == ["corpus", "audit", "draw"]
    run, tasks = flow_run_of(state)
    assert (run.state.type, run.state.name) == ("FAILED", "Refused")
    assert run.state.message == reason
    assert {name: task.state.name for name, task in tasks.items()} == {
        "corpus": "Completed",
        "audit": "Refused",
        "train": "NotReady",
        "draw": "Completed",
    }
    with pytest.raises(GateRefusedError) as caught:
        toy_pipeline(str(toy.root))
    assert caught.value.reasons == ("2 texts are more than 1",)
    table = capsys.readouterr().out
    assert "audit        Refused" in table
    assert reason in table


def test_the_table_becomes_an_artifact(toy, toy_pipeline, read_artifact) -> None:
    toy.edit("params.yaml", "limit: 3", "limit: 1")
    toy_pipeline(str(toy.root), return_state=True)
    rows = read_artifact("stages")
    assert '"stage": "train", "state": "NotReady"' in rows
    assert '"why": "the audit\'s gate refuses: 2 texts are more than 1"' in rows


def test_an_error_of_another_kind_reaches_the_caller_too(toy, load_toy, prefect_server) -> None:
    def fail(root: Path) -> None:
        raise ZeroDivisionError("no texts")

    @flow
    def broken():
        return build_stages(
            toy.root,
            load=lambda name: Stage(name, "1", fail) if name == "audit" else load_toy(name),
        )

    with pytest.raises(ZeroDivisionError, match="no texts"):
        broken()
    assert toy.take_calls() == ["corpus", "draw"]


def test_a_stage_without_a_body_is_found_before_anything_runs(
    toy, load_toy, prefect_server
) -> None:
    toy.edit("dvc.yaml", "stages:", "stages:\n  mastering: {cmd: x, deps: [data/picture.txt]}")

    @flow
    def incomplete():
        return build_stages(
            toy.root, load=lambda name: (load_stage if name == "mastering" else load_toy)(name)
        )

    with pytest.raises(ParameterError, match="received 'mastering'"):
        incomplete()
    assert toy.take_calls() == []


def test_the_pipeline_refuses_a_folder_that_is_no_checkout(tmp_path, prefect_server) -> None:
    with pytest.raises(InputError, match=r"not_a_checkout \(received no \.dvc\)"):
        pipeline(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GateRefusedError(["no"]), 4),
        (InputError("file", "rule", 0, "Advice."), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("no texts"), 1),
    ],
)
def test_exit_codes_are_those_of_the_errors(error, code: int, monkeypatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run() -> None:
        raise error

    assert exit_code(run) == code


@pytest.mark.servers
def test_the_command_exits_with_the_gates_code_and_leaves_no_process(toy) -> None:
    toy.edit("params.yaml", "limit: 3", "limit: 1")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(toy.root / "home")}
    command = [sys.executable, "-m", "flows.pipeline"]
    with subprocess.Popen(
        command,
        cwd=toy.root,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _, messages = process.communicate()
    assert process.returncode == 4, messages
    for line in ("corpus +Completed", "audit +Refused", "train +NotReady", "draw +Completed"):
        assert re.search(line, messages)
    assert "error: the audit's gate refuses: 2 texts are more than 1" in messages
    assert "Traceback" not in messages
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)

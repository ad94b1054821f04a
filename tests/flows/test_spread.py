"""Files through Prefect's task runners: the same bytes, whatever they run on."""

import multiprocessing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.pipeline import build_stages, parse_arguments, pipeline
from flows.progress import publish_epochs, publish_progress
from flows.retrain import retrain
from flows.spread import Workers, open_workers
from tasks.stage import Stage, load_stage
from trapgen.core import ParameterError, StandardizeParams, TableError
from trapgen.ingest import standardize, write_packs

PARAMS = StandardizeParams(feel="half_time")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 300 files: starter loops, two of one stem, broken ones, a name that is not UTF-8."""
    folder = tmp_path_factory.mktemp("spread") / "raw"
    write_packs(folder)
    starter = sorted(folder.rglob("*.mid"))
    copies = -(-300 // len(starter)) - 1
    for copy in range(copies):
        for path in starter:
            target = folder / f"copy {copy}" / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(starter[1], starter[0].with_suffix(".midi"))
    for at, path in enumerate(starter[::40]):
        path.with_stem(f"broken {at}").write_bytes(path.read_bytes()[: -5 * at - 5])
    shutil.copy(starter[0], folder / os.fsdecode(b"Kick_\xe9.mid"))
    return folder


@pytest.fixture(scope="session")
def plain(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process writes, every file in one go."""
    out = tmp_path_factory.mktemp("plain")
    manifest, rejects = standardize(raw, out, PARAMS)
    assert len(manifest) >= 300
    assert {"name", "truncated"} <= set(rejects["rule"])
    return files(out)


@pytest.fixture
def where(request: pytest.FixtureRequest, prefect_server: None) -> Iterator[Workers]:
    if request.param != "scheduler":
        yield Workers(request.param, 2)
        return
    from distributed import LocalCluster

    # Somebody else's cluster; its workers are threads, to start at once.
    with LocalCluster(n_workers=2, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        yield Workers("dask", scheduler=cluster.scheduler_address)


@pytest.mark.parametrize("where", ["threads", "processes", "dask", "scheduler"], indirect=True)
def test_all_workers_write_the_same_bytes(where, raw, plain, tmp_path) -> None:
    broken = tmp_path / "broken"
    write_packs(broken)
    (broken / "keymaps.csv").write_text("no,such,columns\n")
    seen = []

    @flow
    def spread_out() -> None:
        with open_workers(where) as spread:
            standardize(
                raw,
                tmp_path / "out",
                PARAMS,
                spread=spread,
                on_files=lambda done, total: seen.append(done),
                files_a_chunk=40,
            )
            # What stops a worker is told as if it had been here.
            with pytest.raises(TableError, match=r"keymaps\.csv: columns \(received"):
                standardize(broken, tmp_path / "none", PARAMS, spread=spread)

    spread_out()
    assert files(tmp_path / "out") == plain
    assert seen == sorted(seen)
    assert len(seen) > 7
    assert multiprocessing.active_children() == []


def test_a_stage_that_works_in_chunks_runs_them_as_tasks_of_its_flow(
    toy, load_toy, prefect_server
) -> None:
    def corpus(root: Path, *, spread, progress) -> None:
        load_toy("corpus").run(root)
        with progress("reading") as on_files:
            for done, text in enumerate(spread(str.upper, ["trap", "drill"]), start=1):
                (root / "data/raw" / f"{done}.txt").write_text(text)
                on_files(done, 2)

    def load(name: str) -> Stage:
        return (
            Stage(name, "1", corpus, frozenset({"spread", "progress"}))
            if name == "corpus"
            else load_toy(name)
        )

    @flow
    def in_chunks() -> None:
        build_stages(toy.root, workers=Workers("threads", 2), load=load)

    state = in_chunks(return_state=True)
    assert state.is_completed()
    assert (toy.root / "data/raw/2.txt").read_text() == "DRILL"
    assert toy.status() == {}
    with get_client(sync_client=True) as client:
        run = FlowRunFilter(id={"any_": [state.state_details.flow_run_id]})
        names = {task.name for task in client.read_task_runs(flow_run_filter=run)}
    assert names == {"corpus", "audit", "draw", "train", "chunk-1-of-2", "chunk-2-of-2"}


def test_a_current_stage_starts_no_workers(built, load_toy, prefect_server) -> None:
    def load(name: str) -> Stage:
        return Stage(name, load_toy(name).version, load_toy(name).run, frozenset({"spread"}))

    @flow
    def nothing_to_do():
        # No Dask is there: to look for it would fail.
        nowhere = Workers("dask", scheduler="tcp://127.0.0.1:1")
        return [visit.state for visit in build_stages(built.root, workers=nowhere, load=load)]

    assert nothing_to_do() == ["Cached"] * 4


def test_the_pace_of_long_work_becomes_an_artifact(read_artifact) -> None:
    @flow
    def long_work() -> None:
        with publish_progress("reading", every_s=0) as on_files:
            on_files(1, 4)
            on_files(3, 4)

    long_work()
    assert read_artifact("files") == "75"


def test_the_epochs_of_a_training_become_an_artifact(read_artifact) -> None:
    @flow
    def training() -> None:
        with publish_epochs(4) as screen:
            screen.show_batch(1, 0, 2.5)
            screen.show_epoch(1, "train 1.5")
            screen.show_epoch(3, "train 1.2")

    training()
    assert read_artifact("epochs") == "75"


@pytest.mark.parametrize("flow", [pipeline, retrain])
def test_every_flow_takes_its_parameters_as_options_of_the_command(flow) -> None:
    options = ["--workers", "dask", "--n-workers", "3", "--scheduler", "tcp://host:8786", "--force"]
    parsed = vars(parse_arguments(flow, [*options, "--wait-s", "0.5"]))
    assert parsed.keys() == flow.parameters.properties.keys()
    assert flow.validate_parameters(parsed) == parsed
    assert (parsed["workers"], parsed["n_workers"], parsed["wait_s"]) == ("dask", 3, 0.5)
    assert vars(parse_arguments(flow, [])) == flow.validate_parameters({})


def test_every_parameter_is_explained_and_both_flows_say_the_same() -> None:
    forms = [flow.parameters.properties for flow in (pipeline, retrain)]
    for form in forms:
        for name, parameter in form.items():
            assert len(parameter["description"].split()) > 4, name
    for name in forms[0].keys() - {"force"}:
        assert forms[0][name] == forms[1][name]


def test_stages_take_what_shows_and_spreads_their_work() -> None:
    takes = {name: load_stage(name).takes for name in ("corpus", "standardize", "train")}
    assert takes == {"corpus": set(), "standardize": {"spread", "progress"}, "train": {"epochs"}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": 0}, "n_workers must be at least 1"),
        ({"kind": "processes", "scheduler": "tcp://host:8786"}, "workers must be dask if"),
    ],
)
def test_workers_that_make_no_sense_are_refused(options, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Workers(**options)


@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_processes_need_a_server_that_all_can_reach(kind) -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(ParameterError, match="PREFECT_API_URL must be the address of a running"),
    ):
        Workers(kind)
    assert Workers("threads").number is None

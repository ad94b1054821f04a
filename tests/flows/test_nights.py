"""Several nights of one checkout: models come, stay or go, whatever happens in between."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.sorting import FlowRunSort

from flows.retrain import LOG
from tasks.places import ASSIGNED, ENCODED
from tasks.registry import CHAMPION, NAME, PREVIOUS, VERSION_TAG
from tasks.stage import HOLDER
from tasks.tracking.results import VERDICT_TAG
from tasks.tracking.store import EXPERIMENT, MODEL_TAG, NOTE_TAG, connect
from tests.flows.servers import find_port, kill_group, running, wait_for
from tests.pages import random_loop
from tests.tasks.checkout import ROOT, change_params, make_checkout, run
from trapgen.core import hash_files
from trapgen.generate import load_generator
from trapgen.midi import write_loop
from trapgen.model import (
    DECLINED,
    LEDGER_FILE,
    MODELS,
    PROMOTED,
    ROLLED_BACK,
    find_model_in_use,
    read_champion,
    read_ledger,
)

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.servers,
    # MLflow's, when a test reads a checkout's store in this process.
    pytest.mark.filterwarnings("ignore"),
]
KILLS = int(os.environ.get("TRAPGEN_KILLS", "6"))
PACK = Path("data/packs/Nights")


class Nights:
    """A checkout in git and DVC, and a Prefect server that hears of its flow runs."""

    def __init__(self, root: Path, client: SyncPrefectClient, home: Path, port: str) -> None:
        self.root, self.client = root, client
        self._home, self._port = home, port
        self._rng = np.random.default_rng(1)
        self._n_loops = 0
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        self._start_server()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def _start_server(self) -> None:
        log, home = self._home / "server.log", str(self._home / "home")
        command = ("flows.server", "--port", self._port)
        server = running(log, *command, cwd=self._home, PREFECT_HOME=home)
        self._server = self._servers.enter_context(server)
        wait_for(lambda: self.client.api_healthcheck() is None, log)

    def start(self) -> subprocess.Popen[str]:
        """Start `python -m flows.retrain`, with a process group of its own."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root)}
        # MLflow sets it in this process.
        environment.pop("MLFLOW_TRACKING_URI", None)
        environment["PREFECT_API_URL"] = str(self.client.api_url)
        with (self.root / "night.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "flows.retrain"],
                cwd=self.root,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def live(self, expected: int = 0) -> str:
        """Let a night pass; what it said."""
        code = self.start().wait(150)
        said = (self.root / "night.log").read_text()
        assert code == expected, said
        return said

    def live_for(self, seconds: float, *, with_server: bool) -> str:
        """Kill a night after so many seconds with the checkout; what it said last.

        With the server, that is killed first and started again in the end.
        """
        process, log = self.start(), self.root / "night.log"
        holder = f'"pid": {process.pid},'

        def has_begun() -> bool:
            with suppress(FileNotFoundError):
                return holder in (self.root / HOLDER).read_text()
            return process.poll() is not None

        wait_for(has_begun, log)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        code = process.poll()
        if with_server:
            kill_group(self._server)
            time.sleep(1)
        kill_group(process)
        if with_server:
            self._start_server()
        last = log.read_text().strip().rpartition("\n")[2]
        return f"{seconds:4.1f} s, {'killed' if code is None else code}: {last}"

    def add_loops(self, number: int) -> None:
        for _ in range(number):
            loop = random_loop(self._rng, "own", bars=2, steps_per_bar=32)
            write_loop(self.root / PACK / f"own {self._n_loops:03}.mid", loop)
            self._n_loops += 1

    def ledger(self) -> list[dict[str, str]]:
        return read_ledger(self.root / MODELS)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / LOG).read_text().splitlines()]

    def git(self, *arguments: str) -> None:
        author = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *author, *arguments], cwd=self.root, check=True)

    def files(self) -> dict[str, str]:
        """Hashes of all that lies under `data`."""
        paths = sorted((self.root / "data").rglob("*"))
        kept = [path for path in paths if path.is_file() and not path.name.startswith(".lock")]
        return {str(path.relative_to(self.root)): hash_files(path) for path in kept}

    def runs(self) -> list[Any]:
        """MLflow's, newest first."""
        found = connect(self.root).search_runs(experiment_names=[EXPERIMENT], output_format="list")
        return list(found)

    def registry(self) -> tuple[dict[str, str], dict[str, str]]:
        """Descriptions of the registered versions and what the aliases point to."""
        client = connect(self.root).MlflowClient()
        versions = client.search_model_versions(f"name='{NAME}'")
        names = {str(each.version): each.tags[VERSION_TAG] for each in versions}
        aliases = client.get_registered_model(NAME).aliases
        told = {each.tags[VERSION_TAG]: each.description for each in versions}
        return told, {alias: names[str(number)] for alias, number in aliases.items()}

    def check_in_line(self) -> None:
        """Ledger, champion, registry and folders agree, and nothing is left half made."""
        ledger, champion = self.ledger(), read_champion(self.root / MODELS)
        assert ledger[-1]["champion"] == champion
        told, aliases = self.registry()
        assert aliases[CHAMPION] == champion
        assert told.keys() == {row["version"] for row in ledger}
        assert list((self.root / "data").rglob(".part-*")) == []
        assert not (self.root / HOLDER).exists()


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    """A checkout after its first night."""
    root = make_checkout(tmp_path_factory.mktemp("nights") / "checkout")
    config = root / ".dvc/config"
    config.write_text(config.read_text().replace("no_scm = True", "analytics = false"))
    (root / ".gitignore").write_text((ROOT / ".gitignore").read_text() + "night.log\n")
    change_params(root, {"promote": {"generated_loops": 4}})
    home, port = tmp_path_factory.mktemp("server"), str(find_port())
    with (
        SyncPrefectClient(f"http://127.0.0.1:{port}/api") as client,
        Nights(root, client, home, port) as place,
    ):
        place.add_loops(10)
        place.git("init", "-q")
        place.git("add", "-A")
        place.git("commit", "-qm", "the first day")
        place.live()
        yield place


def test_the_first_model_is_promoted(nights: Nights) -> None:
    [row] = nights.ledger()
    assert (row["event"], row["reason"], row["previous"]) == (PROMOTED, "the first model", "")
    assert row["champion"] == row["version"] == read_champion(nights.root / MODELS)
    folder = nights.root / MODELS / row["version"]
    assert find_model_in_use(nights.root) == (folder, "champion")
    told, aliases = nights.registry()
    assert aliases == {CHAMPION: row["version"]}
    assert told[row["version"]].startswith("Promoted: the first model (")
    assert nights.log()[-1]["promotion"] == f"{row['version']} promoted: the first model"
    nights.check_in_line()


def test_a_pack_that_grew_makes_a_challenger(nights: Nights) -> None:
    root, before = nights.root, (nights.root / ASSIGNED).read_text()
    nights.add_loops(10)
    nights.live()
    assert (root / ASSIGNED).read_text().startswith(before)
    assert len((root / ASSIGNED).read_text().splitlines()) >= len(before.splitlines()) + 10
    entry, row = nights.log()[-1], nights.ledger()[-1]
    assert entry["changes"] == {"corpus": ["data/packs modified"]}
    assert {stage["state"] for stage in entry["stages"].values()} == {"Completed"}
    assert row["event"] in (PROMOTED, DECLINED)
    assert entry["promotion"] == f"{row['version']} {row['event']}: {row['reason']}"
    [tracked] = [
        each
        for each in nights.runs()
        if each.data.tags.get(MODEL_TAG) == row["version"].partition("-")[0]
    ]
    assert row["reason"] in tracked.data.tags[VERDICT_TAG]
    assert tracked.data.tags[NOTE_TAG].startswith(f"**{tracked.data.tags[VERDICT_TAG]}**")
    standing = "champion" if row["event"] == PROMOTED else DECLINED
    assert tracked.info.run_name.endswith(f", {standing}")
    nights.check_in_line()


def test_a_night_with_nothing_new_changes_no_file(nights: Nights) -> None:
    before, log = nights.files(), nights.log()
    start = time.monotonic()
    said = nights.live()
    seconds = time.monotonic() - start
    assert "Nothing changed: every stage is current." in said
    assert nights.files() == before
    assert nights.log() == log
    # Alone it takes 8 s, nearly all of them imports.
    assert seconds < 40


def test_data_that_leak_leave_the_champion_and_are_named(nights: Nights) -> None:
    champion, ledger = read_champion(nights.root / MODELS), nights.ledger()
    change_params(nights.root, {"split": {"protocol": "by_file"}})
    nights.live(expected=4)
    assert (read_champion(nights.root / MODELS), nights.ledger()) == (champion, ledger)
    entry = nights.log()[-1]
    assert entry["outcome"] == "refused"
    assert "pairs across splits share a source" in entry["error"]
    refused = nights.runs()[0]
    assert refused.data.tags[VERDICT_TAG] == "refused"
    assert refused.info.status == "FAILED"
    assert "| held-out loop |" in refused.data.tags[NOTE_TAG]
    [flow_run] = nights.client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
    assert flow_run.state is not None
    assert flow_run.state.name == "Refused"
    assert flow_run.state.message == entry["error"]
    # What was dealt stays dealt, for the next night.
    assigned = (nights.root / ASSIGNED).read_text()
    change_params(nights.root, {"split": {"protocol": "by_source"}})
    nights.live()
    assert (nights.root / ASSIGNED).read_text() == assigned
    assert (read_champion(nights.root / MODELS), nights.ledger()) == (champion, ledger)
    nights.check_in_line()


def test_a_kill_between_ledger_and_champion_is_mended_by_the_next_night(nights: Nights) -> None:
    """Where too few test loops are left to compare by, the new model begins a series."""
    change_params(nights.root, {"train": {"units": 12}, "promote": {"min_test_loops": 1000}})
    models, log = nights.root / MODELS, nights.root / "night.log"
    before, rows = read_champion(models), (models / LEDGER_FILE).read_text()
    process = nights.start()
    # Decided, but MLflow has not heard of it yet.
    wait_for(lambda: (models / LEDGER_FILE).read_text() != rows, log, seconds=150)
    kill_group(process)
    (models / "champion").write_text(f"{before}\n")
    said = re.findall(r"Task run '(\w+)' - Finished in state Completed", log.read_text())
    assert said == ["train", "sample", "evaluate"]
    nights.live()
    row = nights.ledger()[-1]
    assert (row["event"], row["reason"][:14]) == (PROMOTED, "a new series: ")
    assert read_champion(models) == row["version"] != before
    entry = nights.log()[-1]
    assert entry["promotion"] == f"{row['version']} judged before: {row['reason']}"
    assert {stage["state"] for stage in entry["stages"].values()} == {"Cached"}
    nights.check_in_line()


def test_a_rollback_puts_the_previous_one_to_use(nights: Nights) -> None:
    root, champion = nights.root, read_champion(nights.root / MODELS)
    previous = nights.ledger()[-1]["previous"]
    assert nights.registry()[1] == {CHAMPION: champion, PREVIOUS: previous}
    code = (
        "from pathlib import Path; from trapgen.model import find_model_in_use; "
        "print(find_model_in_use(Path.cwd())[0].name)"
    )
    run(root, "tasks.ops", "rollback", "--reason", "too busy")
    in_use = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert in_use.stdout.strip() == previous
    out = root.parent / "generated"
    run(root, "trapgen.cli", "generate", "--loops", "1", "--out", str(out))
    [receipt] = [json.loads(path.read_text()) for path in out.rglob("*.json")]
    assert previous.partition("-")[0] in json.dumps(receipt)
    assert nights.ledger()[-1]["event"] == ROLLED_BACK
    nights.check_in_line()
    before = nights.registry()
    connect(root).MlflowClient().delete_registered_model(NAME)
    run(root, "tasks.ops", "registry")
    assert nights.registry() == before
    assert nights.live().count("Nothing changed") >= 1
    assert read_champion(root / MODELS) == previous


def test_kills_at_any_moment_leave_a_model_in_use_and_a_checkout_that_heals(nights: Nights) -> None:
    draw = random.Random(13)
    failures: list[str] = []
    n_reads, done = [0], threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                found = find_model_in_use(nights.root)
                assert found is not None
                assert found[1] == "champion"
                load_generator(found[0])
                n_reads[0] += 1
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
            time.sleep(0.1)

    reader = threading.Thread(target=read)
    reader.start()
    moments = []
    try:
        for number in range(KILLS):
            if number % 3 == 0:
                nights.add_loops(1)
            else:
                change_params(nights.root, {"train": {"learning_rate": 0.001 * (number + 5)}})
            moments.append(nights.live_for(draw.uniform(0, 25), with_server=number % 4 == 3))
        nights.live()
    finally:
        done.set()
        reader.join()
    print(f"{KILLS} kills, {n_reads[0]} loads of the model in use", *moments, sep="\n")
    assert failures == []
    assert n_reads[0] > KILLS
    nights.check_in_line()
    assert (nights.root / ENCODED).is_dir()
    assert "Nothing changed" in nights.live()
    states = {run.state.name for run in nights.client.read_flow_runs()}
    assert states <= {"Completed", "Crashed", "Refused"}

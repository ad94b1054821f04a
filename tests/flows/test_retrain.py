import json
import subprocess
from functools import partial
from pathlib import Path

import pytest
from prefect import flow

from flows.notify import notify
from flows.pipeline import build_stages, open_checkout
from flows.reasons import fail_with_reason
from flows.retrain import LOG, renew_model, retrain
from tests.flows.servers import hear
from trapgen.core import GateRefusedError, InputError

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def toy_retrain(load_toy):
    @flow(name="toy-retrain")
    @fail_with_reason
    def run(root: str, force: bool = False, commit: bool = False):
        build = partial(build_stages, force=force, load=load_toy)
        with open_checkout(Path(root)) as place:
            return renew_model(place, build, force=force, commit=commit)

    return run


def read_log(toy) -> list[dict]:
    log = toy.root / LOG
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_the_log_says_what_was_rebuilt_and_why(built, toy_retrain) -> None:
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    entry = toy_retrain(str(built.root))
    assert read_log(built) == [json.loads(json.dumps(entry))]
    assert entry["outcome"] == "rebuilt"
    assert entry["changes"] == {"train": ["params.yaml train modified"]}
    assert entry["stages"] == {
        "corpus": {"state": "Cached", "why": ()},
        "audit": {"state": "Cached", "why": ()},
        "train": {"state": "Completed", "why": ("params.yaml train modified",)},
        "draw": {"state": "Cached", "why": ()},
    }
    assert built.status() == {}


def test_nothing_changed_means_nothing_done(built, toy_retrain, read_artifact) -> None:
    before = built.files(), read_log(built)
    assert toy_retrain(str(built.root)) is None
    assert built.take_calls() == []
    assert (built.files(), read_log(built)) == before
    assert read_artifact("retrain") == "Nothing changed: every stage is current."


def test_a_new_pack_is_a_reason(built, toy_retrain, read_artifact) -> None:
    (built.root / "packs/pack.txt").write_text("drill")
    toy_retrain(str(built.root))
    assert read_log(built)[-1]["changes"] == {
        "packs/pack.txt.dvc": ["output packs/pack.txt modified"],
        "corpus": ["packs/pack.txt modified"],
    }
    assert "| train | Completed | data/raw modified |" in read_artifact("retrain")


def test_a_refusal_is_logged_and_reaches_the_caller(toy, toy_retrain) -> None:
    toy.edit("params.yaml", "limit: 3", "limit: 1")
    with pytest.raises(GateRefusedError) as caught:
        toy_retrain(str(toy.root))
    assert caught.value.exit_code == 4
    [entry] = read_log(toy)
    assert entry["outcome"] == "refused"
    assert entry["error"] == "the audit's gate refuses: 2 texts are more than 1"


def test_force_rebuilds_what_is_current(built, toy_retrain) -> None:
    entry = toy_retrain(str(built.root), force=True)
    assert built.take_calls() == ["corpus", "audit", "train", "draw"]
    assert entry["changes"] == {}
    assert {stage["why"] for stage in entry["stages"].values()} == {("forced",)}


def test_every_state_of_the_pointers_is_committed(built, toy_retrain, monkeypatch) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(
            command, cwd=built.root, capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q", "-b", "main")
    git("add", "dvc.lock")
    git("commit", "-qm", "before")
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    built.reproduce()
    by_hand = (built.root / "dvc.lock").read_text()
    built.edit("params.yaml", "epochs: 2", "epochs: 3")
    toy_retrain(str(built.root), commit=True)
    assert git("log", "--format=%s").splitlines() == [
        "Retrained: the pipeline's new state",
        "The pipeline's state before a rebuild",
        "before",
    ]
    assert git("show", "HEAD~1:dvc.lock") == by_hand
    assert git("show", "HEAD:dvc.lock") == (built.root / "dvc.lock").read_text()
    assert "train: params.yaml train modified" in git("log", "-1", "--format=%b")


def test_the_webhook_hears_of_a_promotion() -> None:
    @flow
    def promote(root: str, webhook: str) -> None:
        notify("promoted", "0.90 bits per step, 0.04 below the champion")

    with hear() as (webhook, told):
        state = promote(".", webhook, return_state=True)
    [message] = told
    assert (message["kind"], message["reason"][:14]) == ("promoted", "0.90 bits per ")
    assert message["flow_run"]["id"] == str(state.state_details.flow_run_id)
    assert message["flow_run"].keys() == {"id", "name", "url"}


@pytest.mark.parametrize(
    "webhook", ["http://127.0.0.1:9/secret", "no address", "ftp://host/secret"]
)
def test_a_webhook_that_fails_fails_no_run(webhook, caplog) -> None:
    @flow
    def promote(root: str, webhook: str) -> None:
        notify("promoted", "better")

    assert promote(".", webhook, return_state=True).is_completed()
    assert "the webhook was not told" in caplog.text
    told = [record.getMessage() for record in caplog.records if record.name == "prefect.webhook"]
    assert not any("secret" in line for line in told)


def test_retrain_refuses_a_folder_that_is_no_checkout(tmp_path) -> None:
    with pytest.raises(InputError, match="not_a_checkout"):
        retrain(str(tmp_path))

import json
from functools import partial
from pathlib import Path

import pytest
from prefect import flow

from flows.pipeline import build_stages, open_checkout
from flows.reasons import fail_with_reason
from flows.retrain import LOG, renew_model, retrain
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
    assert entry["outcome"] == "failed"
    assert entry["error"] == "the audit's gate refuses: 2 texts are more than 1"


def test_force_rebuilds_what_is_current(built, toy_retrain) -> None:
    entry = toy_retrain(str(built.root), force=True)
    assert built.take_calls() == ["corpus", "audit", "train", "draw"]
    assert entry["changes"] == {}
    assert {stage["why"] for stage in entry["stages"].values()} == {("forced",)}


def test_retrain_refuses_a_folder_that_is_no_checkout(tmp_path) -> None:
    with pytest.raises(InputError, match="not_a_checkout"):
        retrain(str(tmp_path))

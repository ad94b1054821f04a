"""Where runs are kept, what they are called, and what stands on their pages."""

import json
import os
import shutil
import subprocess
import sys
import wave
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from tasks.tracking import training
from tasks.tracking.description import describe_run, replace_verdict
from tasks.tracking.origin import name_run, read_tags
from tasks.tracking.pages import embed_neighbors
from tasks.tracking.results import describe_verdict
from tasks.tracking.store import MODEL_TAG, connect, find_home, find_run, flatten
from tests.tasks.checkout import ROOT
from trapgen.core import Params
from trapgen.factory import factory_folder
from trapgen.model import hash_model, load_network
from trapgen.model.training import Epoch
from trapgen.render import write_wav
from trapgen.report import embed_sound, write_samples_page

LOG_A_RUN = """\
from pathlib import Path
from tasks.tracking.origin import name_run, read_tags
from tasks.tracking.store import connect

root = Path.cwd()
mlflow = connect(root)
with mlflow.start_run(run_name=name_run(root), tags=read_tags(root)):
    mlflow.log_text("kick", "loop.txt")
Path("model.txt").write_text(Path("params.yaml").read_text())
"""


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a store, in which a run has an artifact; not to be changed."""
    root = tmp_path_factory.mktemp("first") / "beats"
    root.mkdir()
    mlflow = connect(root)
    with mlflow.start_run(tags={MODEL_TAG: "aa"}):
        mlflow.log_text("kick", "loop.txt")
    return root


@pytest.fixture
def copy(store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store, tmp_path / "my beats (2)"))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "wider")
    for name in ("code.py", "dvc.lock", "params.yaml"):
        (root / name).write_text("{}\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def test_the_experiment_is_one_of_model_training(store: Path) -> None:
    experiment = connect(store).get_experiment_by_name("trapgen")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.artifact_location == (store / "mlruns/artifacts").as_uri()


def test_a_copied_checkout_reads_and_writes_its_own_artifacts(store: Path, copy: Path) -> None:
    before = sorted(store.rglob("*"))
    mlflow = connect(copy)
    with mlflow.start_run(tags={MODEL_TAG: "bb"}):
        mlflow.log_text("snare", "loop.txt")
    assert sorted(store.rglob("*")) == before
    for model, text in (("aa", "kick"), ("bb", "snare")):
        run = find_run(mlflow, MODEL_TAG, model)
        assert run is not None
        assert run.info.artifact_uri.startswith((copy / "mlruns").as_uri())
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/loop.txt") == text
    # The first checkout's store knows nothing of the copy.
    assert find_run(connect(store), MODEL_TAG, "bb") is None


def test_a_verdict_stands_first_in_the_description(copy: Path) -> None:
    describe_verdict(copy, "aa", "champion", "Promoted: the first model.")
    describe_verdict(copy, "aa", "declined", "Declined, because it copies more.")
    describe_verdict(copy, "unknown", "declined", "Declined.")
    run = find_run(connect(copy), MODEL_TAG, "aa")
    assert run is not None
    assert run.info.run_name.count(", declined") == 1
    assert "champion" not in run.info.run_name
    assert run.data.tags["trapgen.verdict"] == "Declined, because it copies more."
    assert run.data.tags["mlflow.note.content"].split("\n")[0] == (
        "**Declined, because it copies more.**"
    )


def test_a_description_says_gate_goals_figures_and_pages() -> None:
    refused = {"gate": "refuse", "reasons": ["3 pairs share a source"]}
    goals = {"beats_lag_copy": True, "features": False}
    text = describe_run(refused, {"bits.test": 0.59}, goals, {"samples": "#/x"}, "Declined.")
    assert text.startswith("**Declined.**\n\nThe audit's gate refuses: 3 pairs share a source.\n")
    assert "1 of 2 goals met; not features." in text
    assert "| bits.test | 0.59 |" in text
    assert text.endswith("Pages: [samples](#/x).\n")
    assert replace_verdict(text, "Champion.").startswith("**Champion.**\n\nThe audit's gate")


def test_names_are_grouped_by_slashes() -> None:
    tree = {"bits": {"test": {"model": 1}}, "novelty": 2}
    assert flatten(tree) == {"bits/test/model": 1, "novelty": 2}
    assert flatten(tree, ".") == {"bits.test.model": 1, "novelty": 2}


def test_experiments_of_dvc_belong_to_the_checkout_that_they_are_copied_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / ".dvc/tmp/exps/tmp1"
    copied.mkdir(parents=True)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert find_home(copied) == copied
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert find_home(copied) == tmp_path
    assert find_home(tmp_path) == tmp_path
    # A test that a stage runs makes checkouts elsewhere.
    assert find_home(tmp_path / "other") == tmp_path / "other"


def test_a_run_is_called_by_date_and_experiment_or_branch_or_commit(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    where, date = name_run(repo).split(", ")
    assert datetime.fromisoformat(date).year >= 2026
    assert where == "wider"
    git(repo, "checkout", "--quiet", "--detach")
    assert name_run(repo).startswith(f"{git(repo, 'rev-parse', '--short', 'HEAD')}, ")
    assert name_run(tmp_path).startswith(f"{tmp_path.name}, ")
    monkeypatch.setenv("DVC_EXP_NAME", "q5")
    assert name_run(repo).startswith("q5, ")
    assert read_tags(repo)["dvc.experiment"] == "q5"


def test_only_changed_code_makes_a_commit_dirty(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    commit = git(repo, "rev-parse", "HEAD")
    outs = [{"path": "data/raw", "md5": "aa.dir"}]
    (repo / "dvc.lock").write_text(yaml.safe_dump({"stages": {"corpus": {"outs": outs}}}))
    (repo / "params.yaml").write_text("seed: 1\n")
    tags = read_tags(repo)
    assert tags["git.commit"] == commit
    assert tags["dvc.data/raw"] == "aa.dir"
    assert tags["stage.train"].isdecimal()
    (repo / "code.py").write_text("1\n")
    assert read_tags(repo)["git.commit"] == f"{commit}-dirty"
    git(repo, "commit", "--quiet", "--all", "--message", "second")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", commit)
    assert read_tags(repo)["git.commit"] == f"{commit}-dirty"


def test_a_flow_run_is_named_with_its_page(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "0123")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.delenv("PREFECT_UI_URL", raising=False)
    monkeypatch.delitem(sys.modules, "prefect", raising=False)
    tags = read_tags(repo)
    assert tags["prefect.flow_run.id"] == "0123"
    assert tags["prefect.flow_run.url"] == "http://127.0.0.1:4200/runs/flow-run/0123"


@pytest.fixture
def encoded(copy: Path) -> Path:
    """The checkout with data to train on."""
    (copy / "data/encoded").mkdir(parents=True)
    for side in ("train", "validation"):
        (copy / f"data/encoded/{side}.txt").write_text("BAR\n")
    return copy


# MLflow 3.17 on pandas 3.
@pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")
def test_a_run_is_nested_under_that_of_its_start(encoded: Path) -> None:
    start = load_network(factory_folder(16))
    mlflow = connect(encoded)
    parents = []
    for name in ("unknown start", "known start"):
        with training.TrainingRun(encoded, Params(), name, start):
            pass
        run = find_run(mlflow, training.TRAINING_TAG, name)
        assert run is not None
        assert run.data.tags[training.START_TAG] == hash_model(start)
        parents.append(run.data.tags.get("mlflow.parentRunId"))
        if name == "unknown start":
            known = run.info.run_id
            mlflow.MlflowClient().set_tag(known, MODEL_TAG, hash_model(start))
    assert parents == [None, known]


# MLflow 3.17 on pandas 3.
@pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")
def test_a_store_that_fails_stops_no_training(encoded: Path, capsys, monkeypatch) -> None:
    losses = dict.fromkeys(("train", "validation", "control_loss"), 1.0)
    epochs = [Epoch(number, seconds=1.0, **losses) for number in (1, 2)]
    with training.TrainingRun(encoded, Params(), "print") as tracked:
        tracked.log_epoch(epochs[0])
        monkeypatch.setattr(training, "log_epoch", fail)
        tracked.log_epoch(epochs[1])
        monkeypatch.undo()
        tracked.log_epoch(epochs[1])
    said = capsys.readouterr().err
    assert "MLflow did not take epoch 2: no space left" in said
    mlflow = connect(encoded)
    [run] = mlflow.search_runs(
        experiment_names=["trapgen"],
        filter_string="tags.`trapgen.training` = 'print'",
        output_format="list",
    )
    assert run.info.status == "FAILED"
    assert run.data.params["train/units"] == "192"
    assert run.data.metrics["training/validation"] == 1.0
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "training/validation")
    assert [point.step for point in points] == [1]


def fail(*_: object) -> None:
    raise OSError("no space left")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    folder.mkdir()
    for number in (1, 2):
        sound = np.sin(np.arange(8000)[:, None] * [0.1, 0.1]).astype(np.float32)
        write_wav(folder / f"loop-{number}.wav", sound, 44100)
        receipt = {"bpm": 140.0, "bars": 2, "novelty": 0.5, "nearest": [{"loop_id": "<b>"}]}
        (folder / f"loop-{number}.json").write_text(json.dumps(receipt))
    return folder


def test_a_page_of_samples_holds_their_sound(samples: Path, tmp_path: Path) -> None:
    write_samples_page(tmp_path / "index.html", samples)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<audio controls src="data:audio/wav;base64,') == 2
    assert "140 bpm" in page
    assert "<b>" not in page


def test_a_sound_within_a_page_is_mono_at_half_the_rate(samples: Path, tmp_path: Path) -> None:
    from urllib.request import urlopen

    with urlopen(embed_sound(samples / "loop-1.wav")) as content, wave.open(content) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 22050)
        assert sound.getnframes() == 4000


def test_links_of_a_page_are_names_in_mlflow(samples: Path, tmp_path: Path) -> None:
    page = tmp_path / "reports/report.html"
    page.parent.mkdir()
    page.write_text(
        '<a href="#goals">Goals</a> <a href="../samples/loop-1.mid">MIDI</a> '
        '<audio controls src="../samples/loop-1.wav"></audio>'
    )
    embed_neighbors(page, page.parent)
    text = page.read_text()
    assert text.startswith(
        '<a href="#goals">Goals</a> MIDI (<code>samples/loop-1.mid</code>) '
        '<audio controls src="data:audio/wav;base64,'
    )


@pytest.mark.slow
def test_queued_and_temporary_experiments_are_named_runs_of_the_checkout(tmp_path: Path) -> None:
    root = tmp_path / "my beats"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "params.yaml").write_text("units: 1\n")
    (root / "train.py").write_text(LOG_A_RUN)
    stage = {
        "cmd": "python train.py", "params": ["units"], "deps": ["train.py"], "outs": ["model.txt"],
    }  # fmt: skip
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    (root / ".gitignore").write_text("mlruns/\n")
    environment = {
        **{name: os.environ[name] for name in os.environ if not name.startswith("DVC_EXP")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        **{
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    environment.pop("MLFLOW_TRACKING_URI", None)

    def dvc(*arguments: str) -> None:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    dvc("init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    for units in (2, 3, 4):
        dvc("exp", "run", "--queue", "--name", f"units-{units}", "--set-param", f"units={units}")
    dvc("exp", "run", "--run-all")
    dvc("exp", "run", "--temp", "--name", "units-5", "--set-param", "units=5")
    mlflow = connect(root)
    runs = mlflow.search_runs(experiment_names=["trapgen"], output_format="list")
    assert {run.info.run_name.split(", ")[0] for run in runs} == {
        f"units-{units}" for units in (2, 3, 4, 5)
    }
    assert {run.data.tags["git.commit"] for run in runs} == {git(root, "rev-parse", "HEAD")}
    for run in runs:
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/loop.txt") == "kick"
        assert run.info.artifact_uri.startswith((root / "mlruns").as_uri())


@pytest.mark.slow
def test_three_first_runs_on_one_new_store_wait_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").touch()
    (tmp_path / "train.py").write_text(LOG_A_RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    started = [
        subprocess.Popen(
            [sys.executable, "train.py"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    runs = connect(tmp_path).search_runs(experiment_names=["trapgen"], output_format="list")
    assert [run.info.status for run in runs] == ["FINISHED"] * 3

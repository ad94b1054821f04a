"""The real stages, run by DVC in a checkout with small parameters."""

import json
import os
import re
import shutil
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path

import pandas as pd
import pretty_midi
import pytest
import yaml
from dvc.repo import Repo

from tasks.checks.history import DATA_DOCS
from tasks.checks.page import INDEX
from tasks.inputs import check_inputs
from tasks.places import CHECKS
from tasks.summary import describe_changes
from tests.tasks.checkout import (
    change_params,
    make_checkout,
    refresh,
    run,
    run_process,
    run_stage,
    status,
)
from trapgen.core import (
    LOOPS,
    MANIFEST,
    OVERLAP,
    REJECTS,
    SIDES,
    SPLIT,
    SURVIVORS,
    InputError,
    hash_loops,
    read_lines,
    read_loops,
    read_table,
)
from trapgen.evaluate import pick_headline
from trapgen.ingest import load_starter
from trapgen.midi import write_loop
from trapgen.model.training import best_epoch, read_history

LOSSES = (
    "train",
    "validation",
    "control_loss",
    "validation_near",
    "validation_middle",
    "validation_far",
    "leak_gap",
)
STAGES = [
    "corpus",
    "standardize",
    "split",
    "augment",
    "audit",
    "encode",
    "train",
    "sample",
    "evaluate",
]


def test_every_table_keeps_its_schema(built: Path) -> None:
    manifest = read_table(built / "data/standardized/manifest.parquet", MANIFEST)
    assert len(manifest) >= 124
    assert read_table(built / "data/split/split.parquet", SPLIT)["side"].isin(SIDES).all()
    loops = read_table(built / "data/augmented/loops.parquet", LOOPS)
    survivors = read_table(built / "data/audit/survivors.parquet", SURVIVORS)
    assert set(survivors["loop_id"]) == set(loops["loop_id"])
    overlap = read_table(built / "data/audit/overlap.parquet", OVERLAP)
    assert set(overlap["kind"]) <= {"near_loop", "voice", "window", "exact_bar"}


def test_every_raw_file_is_parsed_once_and_no_other_at_all(
    built: Path, parsed: Counter[Path]
) -> None:
    raw = set((built / "data/raw").rglob("*.mid"))
    assert len(raw) >= 124
    assert {built / path: n for path, n in parsed.items()} == dict.fromkeys(raw, 1)


def test_no_source_is_on_two_sides(built: Path) -> None:
    loops = read_table(built / "data/augmented/loops.parquet", LOOPS).explode("source_ids")
    assert (loops.groupby("source_ids")["side"].nunique() == 1).all()


def test_the_gate_passes_at_or_below_chance(built: Path) -> None:
    summary = json.loads((built / "data/audit/summary.json").read_text())
    assert summary["gate"] == "pass"
    assert summary["exact_bar_overlap"] <= summary["chance_overlap"]["high"]
    assert summary["self_test"]["found"] == summary["self_test"]["injected"] > 0
    report = (built / "data/audit/report.html").read_text()
    assert "PASS" in report.upper()
    assert f'href="../checks/{INDEX}"' in report
    checks = (built / CHECKS / INDEX).read_text(encoding="utf-8")
    data = hash_loops(read_loops(built / "data/augmented"))
    # A printed report leads to its data, and from there to the date and commit of the run.
    assert data in report
    assert data in checks
    # Sources are named by their files.
    assert re.search(r"(Night Shift Drums|Static Bloom)/[^<]+\.mid", report)


def test_the_checks_of_every_stage_stand_side_by_side(built: Path) -> None:
    suites = {
        "standardize": {"raw_files", "raw_packs", "raw_corpus"},
        "audit": {"manifest", "loops", "sources", "overlap", "gate"},
        "encode": {"encoded_lines", "encoded_sides", "codec"},
    }
    index = (built / CHECKS / INDEX).read_text(encoding="utf-8")
    assert "The newest run of every stage passed its checks" in index
    assert re.findall(r'<section id="(\w+)">', index)[:3] == [*suites]
    docs = built / CHECKS / DATA_DOCS / "validations"
    for stage, names in suites.items():
        assert {place.parts[-4] for place in docs.glob(f"*/{stage}/*/*.html")} == names


def test_text_is_the_surviving_loops(built: Path) -> None:
    survivors = read_table(built / "data/audit/survivors.parquet", SURVIVORS)
    for side in SIDES:
        n_lines = len(read_lines(built / f"data/encoded/{side}.txt", 32))
        assert n_lines == (survivors["kept"] & (survivors["side"] == side)).sum()


def test_samples_are_midi_sound_picture_and_receipt(built: Path) -> None:
    receipts = sorted((built / "data/samples").glob("*.json"))
    assert len(receipts) == 2
    for path in receipts:
        receipt = json.loads(path.read_text())
        assert receipt["nearest"][0]["distance"] >= 0
        assert receipt["bar_lengths"] == [32, 32]
        midi = pretty_midi.PrettyMIDI(str(path.with_suffix(".mid")))
        assert sum(len(track.notes) for track in midi.instruments) == receipt["n_onsets"]
        with wave.open(str(path.with_suffix(".wav"))) as sound:
            assert sound.getnframes() / sound.getframerate() > 2 * 4 * 60 / receipt["bpm"]
        assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_metrics_compare_with_all_baselines(built: Path) -> None:
    metrics = json.loads((built / "data/reports/details.json").read_text())
    headline = json.loads((built / "data/reports/metrics.json").read_text())
    assert headline == pick_headline(metrics, 32)
    for side in ("validation", "test"):
        bits = metrics["bits_per_step"][side]
        assert set(bits) == {"model", "lag_copy", "ngram", "position", "repeat_bar", "uniform"}
        assert bits["uniform"] == 9
        assert max(bits.values()) == 9
    assert 0 <= metrics["bar_accuracy"] <= 1
    learning = metrics["learning"]
    assert learning["leak_gap"] == learning["validation"] - learning["control_loss"]
    assert set(learning["by_distance"]) == {"near", "middle", "far"}
    # The history is judged in training's windows, which here are whole loops.
    assert learning["validation"] == pytest.approx(
        metrics["bits_per_step"]["validation"]["model"], abs=1e-3
    )
    intervals = metrics["bits_interval"]["test"]
    assert intervals["model"]["low"] < metrics["bits_per_step"]["test"]["model"]
    assert intervals["model"]["high"] > metrics["bits_per_step"]["test"]["model"]
    # 2 seeds of 4 loops of 4 bars, and 4 loops at the other temperatures.
    bars = {at: found["bars"] for at, found in metrics["bar_closure"].items()}
    assert bars == {"0.8": 16, "1.0": 32, "1.2": 16}
    assert "curves" not in metrics
    assert (built / "data/reports/report.html").is_file()


def test_dvc_draws_the_figures(built: Path, tmp_path: Path) -> None:
    run(built, "dvc", "plots", "show", "--out", str(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    specs = [json.loads(found) for found in re.findall(r"var spec = (\{.*?\});", page, re.DOTALL)]
    assert {spec["title"]["text"]: len(spec["data"]["values"]) > 0 for spec in specs} == {
        "learning curve": True,
        "clean validation by distance": True,
        "calibration": True,
        "distance to the nearest training loop": True,
        "overlap of features": True,
    }


def test_dvc_compares_a_dozen_headline_figures(built: Path) -> None:
    with Repo(str(built)) as repo:
        shown = repo.metrics.show()[""]["data"]
        artifacts = repo.artifacts.read()["dvc.yaml"]
    figures = pd.json_normalize([read["data"] for read in shown.values()])
    assert set(shown) == {"data/audit/metrics.json", "data/reports/metrics.json"}
    assert 12 <= len(figures.columns) <= 16
    assert artifacts["drum-model"].path == "data/model"


def test_one_mlflow_run_holds_everything(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{built / 'mlruns/mlflow.db'}")
    [run_found] = mlflow.search_runs(experiment_names=["trapgen"], output_format="list")
    assert run_found.info.status == "FINISHED"
    assert run_found.data.params["train/units"] == "16"
    assert run_found.data.tags["trapgen.model"]
    assert run_found.data.tags["dvc.data/encoded"]
    assert {dataset.dataset.name for dataset in run_found.inputs.dataset_inputs} == {
        "train",
        "validation",
    }
    client = mlflow.MlflowClient()
    epochs = read_history(built / "data/model/history.csv")
    for name in LOSSES:
        points = client.get_metric_history(run_found.info.run_id, f"training/{name}")
        assert [point.step for point in points] == [1, 2]
        logged = [point.value for point in points]
        assert logged == pytest.approx([epoch.losses[name] for epoch in epochs], abs=2e-6)
    best = best_epoch(epochs)
    figures = run_found.data.metrics
    assert figures["kept_epoch/epoch"] == best.epoch
    assert figures["kept_epoch/leak_gap"] == pytest.approx(best.leak_gap, abs=2e-6)
    assert figures["headline/learning.leak_gap"] == pytest.approx(best.leak_gap)
    assert figures["headline/bits_per_step.validation.model"] > 0
    groups = {name.partition("/")[0] for name in figures if not name.startswith("system/")}
    assert groups == {"headline", "humanizer", "kept_epoch", "training"}
    note = run_found.data.tags["mlflow.note.content"]
    assert "The audit's gate passes." in note
    assert " goals met" in note
    for folder, ending in (("samples", ".wav"), ("reports", ".html"), ("audit", ".html")):
        names = [file.path for file in client.list_artifacts(run_found.info.run_id, folder)]
        assert any(name.endswith(ending) for name in names), folder
        assert not any(Path(name).name.startswith(".") for name in names), folder
    assert run_found.outputs is not None
    [output] = run_found.outputs.model_outputs
    model = mlflow.get_logged_model(output.model_id)
    assert model.tags["trapgen.model"] == run_found.data.tags["trapgen.model"]
    info = mlflow.models.get_model_info(model.model_uri)
    assert "loops: long (optional)" in str(info.signature)
    assert info.saved_input_example_info is not None


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(built: Path) -> None:
    assert refresh(built) == set()
    assert "Running stage" not in run(built, "dvc", "repro")
    assert "up to date" in run(built, "dvc", "status")


@pytest.mark.slow
def test_another_temperature_reruns_only_what_draws(checkout: Path) -> None:
    change_params(checkout, {"sample": {"temperature": 0.9}})
    assert refresh(checkout) == {"sample", "evaluate"}
    assert status(checkout) == {}


@pytest.mark.slow
def test_another_loop_in_a_pack_reruns_everything(checkout: Path) -> None:
    pack = checkout / "data/packs/mine"
    write_loop(pack / "Kick_01.mid", load_starter()[0])
    assert refresh(checkout) == set(STAGES)


@pytest.mark.slow
def test_two_runs_from_clean_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = make_checkout(tmp_path / "again")
    run(again, "dvc", "repro")
    patterns = (
        "data/raw/**/*.mid",
        "data/standardized/**/*",
        "data/split/*",
        "data/augmented/**/*",
        "data/audit/*.parquet",
        "data/audit/report.html",
        "data/encoded/*",
        "data/model/*",
        "data/samples/*",
    )
    files = [f for pattern in patterns for f in again.glob(pattern) if f.is_file()]
    ours = {str(f.relative_to(again)): f.read_bytes() for f in files}
    theirs = {name: (built / name).read_bytes() for name in ours}
    assert [name for name in ours if ours[name] != theirs[name]] == []


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["random_windows", "by_file"])
def test_the_gate_refuses_protocols_that_leak(checkout: Path, protocol: str, capsys) -> None:
    change_params(checkout, {"split": {"protocol": protocol}})
    for stage in ("split", "augment"):
        assert run_stage(checkout, stage) == 0
    assert run_stage(checkout, "audit") == 4
    assert "share a source" in capsys.readouterr().err
    summary = json.loads((checkout / "data/audit/summary.json").read_text())
    assert summary["gate"] == "refuse"
    assert summary["shared_source_pairs"] > 0
    assert run_stage(checkout, "evaluate") == 4


@pytest.mark.slow
def test_a_restored_model_gets_a_run_of_its_own(checkout: Path) -> None:
    shutil.rmtree(checkout / "mlruns")
    assert run_stage(checkout, "sample") == run_stage(checkout, "evaluate") == 0
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{checkout / 'mlruns/mlflow.db'}")
    [restored] = mlflow.search_runs(experiment_names=["trapgen"], output_format="list")
    assert restored.data.tags["trapgen.restored"] == "true"
    assert restored.info.run_name.endswith(", restored")
    assert restored.outputs is not None
    assert len(restored.outputs.model_outputs) == 1
    assert "headline/bar_accuracy" in restored.data.metrics
    history = read_history(checkout / "data/model/history.csv")
    for name in LOSSES:
        points = mlflow.MlflowClient().get_metric_history(restored.info.run_id, f"training/{name}")
        assert [point.value for point in points] == [epoch.losses[name] for epoch in history]
    assert restored.data.metrics["kept_epoch/leak_gap"] == best_epoch(history).leak_gap


def test_a_broken_file_is_rejected_and_the_rest_goes_on(checkout: Path, capsys) -> None:
    pack = checkout / "data/packs/broken"
    pack.mkdir()
    (pack / "Kick_01.mid").write_bytes(b"")
    assert run_stage(checkout, "corpus") == 0
    assert run_stage(checkout, "standardize") == 0
    said = [line for line in capsys.readouterr().out.splitlines() if " must be " in line]
    assert [line.split(" must be ")[0] for line in said] == [
        "standardize: warning: raw_files.size",
        "standardize: warning: raw_packs.n_readable",
    ]
    assert said[0].endswith(" rows are not: 0 (broken/Kick_01.mid)")
    assert said[1].endswith(" rows are not: 0 (broken)")
    rejects = pd.read_csv(checkout / "data/standardized/rejects.csv")
    assert rejects.to_dict("records") == [
        {
            "path": "broken/Kick_01.mid",
            "rule": "not_midi",
            "received": "an empty file",
            "detail": "A MIDI file starts with MThd.",
        }
    ]


def test_a_pack_that_is_mostly_broken_stops_before_the_split(checkout: Path, capsys) -> None:
    pack = checkout / "data/packs/broken"
    pack.mkdir()
    for number in range(10):
        (pack / f"Kick_{number}.mid").write_bytes(b"<!DOCTYPE html>")
    assert run_stage(checkout, "corpus") == 0
    assert run_stage(checkout, "standardize") == 4
    said = capsys.readouterr().err
    start = "the check of the raw packs refuses: raw_packs.share_readable must be from 0.5 "
    assert f"standardize: {start}" in said
    assert said.endswith(" rows are not: 0 (broken)\n")
    docs = checkout / CHECKS / DATA_DOCS / "validations/raw_packs/standardize"
    passed, refused = (next(run.iterdir()) for run in sorted(docs.iterdir()))
    assert "Succeeded" in passed.read_text(encoding="utf-8")
    assert "Failed" in refused.read_text(encoding="utf-8")


def test_text_on_another_grid_stops_before_training(checkout: Path, capsys) -> None:
    change_params(checkout, {"grid": {"steps_per_bar": 16}})
    assert run_stage(checkout, "encode") == 4
    said = capsys.readouterr().err
    start = "encode: the check of the encoded text refuses: encoded_lines.broken_bar must be none: "
    assert said.startswith(start)
    assert ": token 17 is 0b" in said
    assert "(train:1), " in said


def test_an_unknown_stage_is_wrong_usage(built: Path) -> None:
    assert run_stage(built, "mix") == 2
    assert run_process(built, "tasks").returncode == 2


def test_the_summary_names_the_outputs(built: Path) -> None:
    screen = run(built, "tasks.summary")
    reports = ("data/audit/report.html", "data/checks/index.html", "data/reports/report.html")
    for place in ("data/samples", *reports, "mlruns", "pass: "):
        assert place in screen
    # It is no checkout of git's.
    assert "  git  " not in screen


def test_a_run_says_which_tracked_files_it_has_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        names = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def write_lock(**hashes: str) -> None:
        stages = {
            name: {"outs": [{"path": f"data/{name}", "md5": x}]} for name, x in hashes.items()
        }
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))

    assert describe_changes(tmp_path) == []
    git("init", "--quiet")
    write_lock(encode="1", train="2", sample="3")
    for name in ("data/split/assigned.csv", "data/packs/mine.dvc", "params.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    assert describe_changes(tmp_path) == []
    # A pack or a parameter is what somebody else has changed.
    for name in ("data/packs/mine.dvc", "params.yaml"):
        (tmp_path / name).write_text("other\n")
    assert describe_changes(tmp_path) == []
    write_lock(encode="1", train="5", sample="6")
    (line,) = describe_changes(tmp_path)
    assert line.startswith("dvc.lock has changed: other outputs of train, sample than at the last")
    git("add", "--all")
    (tmp_path / "data/split/assigned.csv").write_text("other\n")
    assert [line.split(" has")[0] for line in describe_changes(tmp_path)] == [
        "data/split/assigned.csv",
        "dvc.lock",
    ]


@pytest.mark.slow
def test_odd_names_go_through_the_whole_pipeline(
    checkout: Path, shared: Path, tmp_path: Path
) -> None:
    shutil.copytree(shared / "cases", tmp_path / "cases")
    subprocess.run([sys.executable, tmp_path / "cases" / "names" / "make.py"], check=True)
    shutil.copytree(
        tmp_path / "cases" / "names" / "in", checkout / "data" / "packs", dirs_exist_ok=True
    )
    change_params(checkout, {"audit": {"min_effective_sources": 1.0}})
    assert {"corpus", "standardize", "train", "evaluate"} <= refresh(checkout)
    manifest = read_table(checkout / "data/standardized/manifest.parquet", MANIFEST)
    assert (manifest["pack"] == "My Pack (2024)").sum() == 22
    rejects = read_table(checkout / "data/standardized/rejects.csv", REJECTS)
    assert dict(zip(rejects["path"], rejects["rule"], strict=True)) == {
        "My Pack (2024)/Drum Loops/..mid": "hidden"
    }
    assert status(checkout) == {}


@pytest.mark.parametrize("kind", ["pipe", "broken link", "device"])
def test_what_dvc_would_wait_for_is_named_before_it_reads(tmp_path: Path, kind: str) -> None:
    pack = tmp_path / "data" / "packs" / "mine"
    pack.mkdir(parents=True)
    (pack / "a.mid").write_bytes(b"MThd")
    check_inputs(tmp_path)
    path = pack / "notes.txt"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere" if kind == "broken link" else "/dev/zero")
    rule = "broken_link" if kind == "broken link" else "not_a_file"
    with pytest.raises(InputError, match=rf"notes\.txt: {rule} .*move it out of data/packs"):
        check_inputs(tmp_path)

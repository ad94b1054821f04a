"""The audit stage in this process, on the starter corpus."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tasks import audit, augment, split
from tests.strategies import random_loop
from tests.tasks.checkout import ROOT, SMALL, change_params
from trapgen.core import (
    OVERLAP,
    SPLIT,
    DrumLoop,
    GateRefusedError,
    ParameterError,
    StandardizeParams,
    read_json,
    read_loops,
    read_table,
)
from trapgen.factory import factory_folder
from trapgen.ingest import standardize, write_packs
from trapgen.midi import write_loop
from trapgen.similarity import list_learned, save_training_index


@pytest.fixture(scope="module")
def augmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's data as far as the audit needs it."""
    root = tmp_path_factory.mktemp("augmented")
    shutil.copy(ROOT / "params.yaml", root)
    change_params(root, SMALL)
    write_packs(root / "data/raw")
    standardize(root / "data/raw", root / "data/standardized", StandardizeParams(32))
    split.run(root)
    augment.run(root)
    return root


@pytest.mark.parametrize(
    "protocol", ["by_source", pytest.param("random_windows", marks=pytest.mark.slow)]
)
def test_a_bad_row_is_a_reason_to_refuse_in_summary_page_and_printed_line(
    augmented: Path, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(augmented, tmp_path / "checkout")
    if protocol != "by_source":
        change_params(root, {"split": {"protocol": protocol}})
        split.run(root)
        augment.run(root)
    path = root / "data/augmented/loops.parquet"
    loops = pd.read_parquet(path)
    loops.loc[5, "bpm"] = 9000.0
    loops.to_parquet(path)
    capsys.readouterr()
    with pytest.raises(GateRefusedError) as caught:
        audit.run(root)
    summary = read_json(root / "data/audit/summary.json")
    page = (root / "data/audit/report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out.startswith("audit: refuse; ")
    assert summary["gate"] == "refuse"
    assert '<div class="word">REFUSE</div>' in page
    reason = "loops.bpm must be from 20 to 400; 1 of "
    assert [line.startswith(reason) for line in summary["reasons"]].count(True) == 1
    assert all(line in str(caught.value) for line in summary["reasons"])
    assert reason.capitalize() in page
    # What the gate says in words is not said again as a rule.
    assert (len(summary["reasons"]) > 1) is (protocol != "by_source")
    assert not [line for line in summary["reasons"] if line.startswith(("gate.", "overlap."))]


def begin_from(root: Path, loops: list[DrumLoop], before: list[DrumLoop] = ()) -> None:
    """Name a start model that has learned these loops."""
    save_training_index(root / "data/start/yesterday", loops, before=before)
    change_params(root, {"train": {"start": "data/start/yesterday"}})


@pytest.mark.slow
def test_what_a_start_model_has_learned_is_kept_out_of_validation_and_test(
    augmented: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(augmented, tmp_path / "checkout")
    sided = read_loops(root / "data/augmented")
    tested = [loop for side, loop in sided if side == "test"]
    sources = {source for loop in tested[:2] for source in loop.lineage.source_ids}
    begin_from(root, tested[:1], before=tested[1:2])
    # The split as it was: the audit finds them all.
    with pytest.raises(GateRefusedError, match="start model has learned share a source"):
        audit.run(root)
    overlap = read_table(root / "data/audit/overlap.parquet", OVERLAP)
    found = overlap[overlap["train_loop"].str.startswith("yesterday:")]
    same = found[found["kind"] == "exact_loop"]
    assert {f"yesterday:{loop.lineage.loop_id}" for loop in tested[:2]} <= set(same["train_loop"])
    shared = found[found["kind"] == "shared_source"]
    assert sources <= set(shared["voices"].str.split(",").explode())
    start = read_json(root / "data/audit/summary.json")["start"]
    assert start["n_loops"] == 2
    assert start["shared_source_pairs"] == len(shared)
    # Split anew, their sources are trained on, and the audit finds none.
    capsys.readouterr()
    split.run(root)
    table = read_table(root / "data/split/split.parquet", SPLIT)
    moved = table[table["moved_from"] != ""]
    assert len(moved) >= len(sources)
    assert set(moved["side"]) == {"train"}
    printed = capsys.readouterr().out
    assert all(f"{path} moves from " in printed for path in moved["source_path"])
    augment.run(root)
    audit.run(root)
    assert read_json(root / "data/audit/summary.json")["start"] == {
        "n_loops": 2,
        "shared_source_pairs": 0,
        "near_duplicate_pairs": 0,
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_packaged_model_has_learned_no_validation_and_no_test_source_of_another_split(
    augmented: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(augmented, tmp_path / "checkout")
    index = shutil.copytree(factory_folder(32), root / "data/start/32")
    learned = {source for loop in list_learned(index) for source in loop.lineage.source_ids}
    for n_new, seed in ((0, 0), (10, 0), (0, 1)):
        rng = np.random.default_rng(seed)
        for at in range(n_new):
            write_loop(root / f"data/raw/New/Full_{at}.mid", random_loop(rng, 2, 32))
        parameters = StandardizeParams(32)
        standardize(root / "data/raw", root / "data/standardized", parameters, overwrite=True)
        change_params(root, {"train": {"start": "data/start/32"}})
        params = yaml.safe_load((root / "params.yaml").read_text())
        (root / "params.yaml").write_text(yaml.safe_dump({**params, "seed": seed}))
        split.run(root)
        augment.run(root)
        held_out = [loop for side, loop in read_loops(root / "data/augmented") if side != "train"]
        assert held_out
        for loop in held_out:
            assert learned.isdisjoint(loop.lineage.source_ids)
        if n_new:
            audit.run(root)


def test_a_start_model_elsewhere_is_refused_before_anything_is_written(augmented: Path) -> None:
    root = augmented
    before = (root / "params.yaml").read_text()
    change_params(root, {"train": {"start": str(factory_folder(32))}})
    with pytest.raises(ParameterError, match=r"train.start must be in data/start"):
        split.run(root)
    (root / "params.yaml").write_text(before)

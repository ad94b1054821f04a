"""The audit on real corpora: why the original failed, and what Groove's published split holds."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from trapgen.audit import audit_sides
from trapgen.audit.bar_windows import exact_bar_overlap
from trapgen.core import AuditParams, SplitParams, StandardizeParams
from trapgen.dataset.split import deal_loops
from trapgen.ingest import read_folder

PARAMS = AuditParams(self_test_leaks=10)


def read(folder, steps_per_bar):
    """Loops by source path, as files."""
    found = (each for each in read_folder(folder, StandardizeParams(steps_per_bar, feel="keep")))
    return {each.source_path: each.loop for each in found if hasattr(each, "loop")}


@pytest.fixture(scope="module")
def combined(shared):
    return list(read(shared / "data/trap-loops/combined", 16).values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "overlap", "tolerance"),
    [
        pytest.param(
            SplitParams("random_windows", validation_share=0.1, test_share=0), 0.995, 0.003,
            id="random windows", marks=pytest.mark.slow,
        ),
        pytest.param(SplitParams("by_file"), 0.78, 0.03, id="by file"),
    ],
)  # fmt: skip
def test_the_originals_splits_are_refused(combined, split, overlap, tolerance):
    sided = deal_loops(combined, split, np.random.default_rng(0))
    found = audit_sides(sided, PARAMS, np.random.default_rng(0), protocol=split.protocol)
    assert found.exact_bar_overlap == pytest.approx(overlap, abs=tolerance)
    assert max(found.effective_sources.values()) <= 26
    assert found.gate == "refuse"
    assert found.near_duplicate_pairs > 500
    assert any("occur in train" in reason for reason in found.reasons)


def read_groove(shared, steps_per_bar):
    """Groove's published train and test loops, named by their files."""
    folder = shared / "data/groove"
    with (folder / "info.csv").open(newline="") as file:
        sides = {row["midi_filename"]: row["split"] for row in csv.DictReader(file)}
    return [
        (sides[path], replace(loop, lineage=replace(loop.lineage, loop_id=path)))
        for path, loop in read(folder, steps_per_bar).items()
        if sides[path] in ("train", "test")
    ]


def test_grooves_test_bars_at_16ths(shared):
    sided = read_groove(shared, 16)
    train, test = ([loop for at, loop in sided if at == side] for side in ("train", "test"))
    assert exact_bar_overlap(train, test) == pytest.approx(0.107, abs=0.01)


@pytest.mark.slow
def test_grooves_published_split(shared):
    sided = read_groove(shared, 32)
    found = audit_sides(sided, PARAMS, np.random.default_rng(0))
    assert found.exact_bar_overlap == pytest.approx(0.05, abs=0.01)
    assert 0 < found.chance.low < found.chance.high < found.exact_bar_overlap
    assert found.gate == "refuse"
    assert {kind for kind, recall in found.self_test["recall"].items() if recall < 1} == set()
    assert found.self_test["false_alarms"] <= 0.01
    # The same drummer, the same pattern, another session.
    drummers = [
        (pair.train_loop.split("/")[:2], pair.other_loop.split("/")[:2])
        for pair in found.pairs
        if pair.kind in ("exact_loop", "near_loop", "window")
    ]
    assert any(ours[0] == theirs[0] and ours[1] != theirs[1] for ours, theirs in drummers)

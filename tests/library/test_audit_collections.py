"""Two collections held together: MIDI, text and manifests, all the same to the audit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.strategies import random_loop
from trapgen.core import (
    OVERLAP,
    SURVIVORS,
    AuditParams,
    DrumLoop,
    InputError,
    StandardizeParams,
    TextError,
    read_json,
    read_table,
    write_lines,
)
from trapgen.ingest import read_collection, standardize
from trapgen.ingest.collection import PIECE_BARS, STREAM_BARS
from trapgen.midi import write_loop
from trapgen.report import AUDIT_FILES, audit_collections

GRID = StandardizeParams(16, by_name=False)
QUICK = AuditParams(chance_replicates=2, self_test_leaks=3)


@pytest.fixture
def loops():
    rng = np.random.default_rng(0)
    return [random_loop(rng, 2, density=0.3) for _ in range(24)]


@pytest.fixture
def forms(loops, tmp_path):
    """The same loops as a folder of MIDI, a text file, a manifest and the folder around it."""
    for at, loop in enumerate(loops):
        write_loop(tmp_path / "midi" / f"{at:02d}.mid", loop)
    standardize(tmp_path / "midi", tmp_path / "standardized", GRID)
    write_lines(tmp_path / "loops.txt", loops)
    return [
        tmp_path / "midi",
        tmp_path / "loops.txt",
        tmp_path / "standardized",
        tmp_path / "standardized" / "manifest.parquet",
    ]


def test_every_form_gives_the_same_loops(forms):
    sides = [read_collection(form, GRID) for form in forms]
    assert [rejects for _, rejects in sides] == [[]] * 4
    onsets = [[loop.onsets.tolist() for loop in found] for found, _ in sides]
    assert onsets == [onsets[0]] * 4
    names = [[loop.lineage.loop_id for loop in found] for found, _ in sides]
    assert names[0] == names[2] == names[3] == [f"{at:02d}.mid" for at in range(24)]
    assert names[1] == [f"loops.txt:{at + 1}" for at in range(24)]
    ids = [[loop.lineage.source_ids for loop in found] for found, _ in sides]
    assert ids == [ids[0]] * 4


def test_a_leak_is_found_whatever_the_form(forms, loops, tmp_path):
    copy = replace(loops[5], velocities=np.roll(loops[5].velocities, 4, axis=0))
    others = [random_loop(np.random.default_rng(9), 2, density=0.3), copy]
    write_lines(tmp_path / "others.txt", others)
    other, _ = read_collection(tmp_path / "others.txt", GRID)
    for number, form in enumerate(forms):
        train, _ = read_collection(form, GRID)
        out = tmp_path / f"report {number}"
        found = audit_collections(train, other, out, QUICK)
        assert {path.name for path in out.iterdir()} == set(AUDIT_FILES)
        overlap = read_table(out / "overlap.parquet", OVERLAP)
        (row,) = overlap[overlap["kind"] == "exact_loop"].to_dict("records")
        assert (row["train_loop"], row["other_loop"]) == (train[5].lineage.loop_id, "others.txt:2")
        assert row["transform"] == "rotated by 1 beat"
        assert found.gate == "refuse"
        assert read_json(out / "summary.json")["near_duplicate_pairs"] == 1
        assert len(read_table(out / "survivors.parquet", SURVIVORS)) == 26
        assert (out / "report.html").stat().st_size > 10_000


def test_one_long_line_is_cut_into_pieces(tmp_path):
    stream = random_loop(np.random.default_rng(0), STREAM_BARS + 3)
    write_lines(tmp_path / "stream.txt", [stream])
    pieces, _ = read_collection(tmp_path / "stream.txt", GRID)
    assert [piece.n_bars for piece in pieces] == [PIECE_BARS] * (STREAM_BARS // PIECE_BARS) + [3]
    joined = np.concatenate([piece.onsets for piece in pieces])
    assert np.array_equal(joined, stream.onsets)
    assert pieces[1].lineage.loop_id == f"stream.txt:1, bar {PIECE_BARS + 1}"
    whole = DrumLoop(stream.velocities[: STREAM_BARS * 16], 16)
    write_lines(tmp_path / "loop.txt", [whole])
    assert len(read_collection(tmp_path / "loop.txt", GRID)[0]) == 1


def test_a_manifest_on_another_grid_is_refused(forms):
    with pytest.raises(InputError) as caught:
        read_collection(forms[3], StandardizeParams(32))
    assert (caught.value.rule, caught.value.received) == ("steps_per_bar", "16")
    assert "--steps-per-bar" in str(caught.value)


def test_text_of_another_grid_is_refused(forms):
    with pytest.raises(TextError) as caught:
        read_collection(forms[1], StandardizeParams(32))
    assert caught.value.rule == "bar_length"


def test_nothing_to_read_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no_loops"):
        read_collection(tmp_path / "empty", GRID)
    with pytest.raises(InputError, match="missing"):
        read_collection(tmp_path / "not there", GRID)


def test_the_papers_text_is_read(shared):
    loops, rejects = read_collection(
        shared / "data/metallica/metallica_drums_text.txt", StandardizeParams(16)
    )
    assert sum(loop.n_bars for loop in loops) == 10_927
    assert rejects == []

"""Folders in chunks: the same bytes, however they are cut and in whatever order they end."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trapgen.core import GateRefusedError, InputError, ParameterError, StandardizeParams, TableError
from trapgen.ingest import standardize, write_packs

PARAMS = StandardizeParams()


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    write_packs(folder)
    one = min(folder.rglob("*.mid"))
    # Two names of one stem on two sides of a cut, in chunks of one.
    (one.parent / f"{one.stem}.midi").write_bytes(one.read_bytes())
    (folder / "a broken one.mid").write_bytes(b"no MIDI")
    return folder


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def in_reverse(work, chunks):
    """Works on the last chunk first, through pickles, and gives the parts in their order."""
    parts = [work(pickle.loads(pickle.dumps(chunk))) for chunk in reversed(chunks)]
    return pickle.loads(pickle.dumps(parts[::-1]))


@pytest.mark.parametrize("files_a_chunk", [1, 7, 10_000])
def test_the_cut_changes_no_byte(raw, tmp_path, files_a_chunk):
    manifest, rejects = standardize(raw, tmp_path / "plain", PARAMS)
    assert len(rejects) == 1
    standardize(raw, tmp_path / "cut", PARAMS, files_a_chunk=files_a_chunk, spread=in_reverse)
    with ThreadPoolExecutor(4) as pool:
        standardize(raw, tmp_path / "threads", PARAMS, files_a_chunk=files_a_chunk, spread=pool.map)
    plain = files(tmp_path / "plain")
    # A file a loop, beside the manifest, the hits and the rejects.
    assert len(plain) == len(manifest) + 3
    assert files(tmp_path / "cut") == files(tmp_path / "threads") == plain


def test_progress_counts_files_after_each_chunk(raw, tmp_path):
    seen = []
    manifest, rejects = standardize(
        raw, tmp_path / "out", PARAMS, files_a_chunk=30, on_files=lambda *n: seen.append(n)
    )
    total = len(manifest) + len(rejects)
    assert seen == [(min(done, total), total) for done in range(30, total + 30, 30)]


def test_what_stops_a_chunk_comes_back_from_another_process_as_it_was(raw, tmp_path):
    (raw / "keymaps.csv").write_text("no,such,columns\n")
    errors = []
    for spread in (map, in_reverse):
        with pytest.raises(TableError, match=r"keymaps\.csv: columns") as caught:
            standardize(raw, tmp_path / "out", PARAMS, spread=spread)
        error = caught.value
        errors.append((str(error), error.path, error.rule, error.received, error.exit_code))
    assert errors[0] == errors[1]
    assert not (tmp_path / "out" / "manifest.parquet").exists()


@pytest.mark.parametrize(
    "error",
    [
        ParameterError("a.b", "above 0", -1),
        InputError(Path("x.mid"), "rule", 3, "Mend it."),
        GateRefusedError(["one", "two"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))

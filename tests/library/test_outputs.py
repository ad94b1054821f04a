"""The user's files are safe: no run changes a file that was there before it, unless allowed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.networks import make_humanizer, make_network
from tests.strategies import make_loop, midi_file, note_on, track
from trapgen.core import (
    InputError,
    Outputs,
    SampleParams,
    StandardizeParams,
    WriteError,
    write_text,
)
from trapgen.generate import Generator, generate, regenerate
from trapgen.ingest import standardize
from trapgen.midi import write_loop

PARAMS = StandardizeParams()
FOLDERS = ("own", "own/loops", "own/loops/pack", "own/clean/loops", "apart/loops", "apart")
PLACES = (
    *FOLDERS,
    ".",
    "own/loops/a.mid",
    "own/pack.mid",
    "own/clean",
    "new/place",
    "own/loops/new",
    "alias",
    "alias/loops",
    "own/../apart",
    "own/loops/..",
    "apart/../alias/clean/..",
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("kept")
    for at, folder in enumerate(FOLDERS):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("a", "b"):
            data = midi_file(track(note_on(at), note_on(480 + at, 38)))
            (root / folder / f"{name}.mid").write_bytes(data)
    for name in (
        "manifest.parquet",
        "rejects.csv",
        "loop-140bpm-0-00001.mid",
        "loop-140bpm-0-00001.json",
    ):
        (root / "own" / name).write_text("the user's")
    (root / "own" / "pack.mid").write_bytes(midi_file(track(note_on(0))))
    (root / "alias").symlink_to("own")
    (root / "apart" / "linked.mid").symlink_to("../own/loops/a.mid")
    (root / "apart" / "loops" / "pack").symlink_to("../../own/loops/pack")
    return root


def write_file(path: Path) -> Path:
    write_text(path, "there")
    return path


def hash_files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (root, *root.rglob("*"))
        if path.is_file()
    }


@settings(max_examples=50)
@given(source=st.sampled_from(PLACES), out=st.sampled_from(PLACES), overwrite=st.booleans())
@example(source="own/loops", out="own", overwrite=True)
@example(source="own", out="own", overwrite=True)
@example(source="own/loops/a.mid", out="alias", overwrite=True)
@example(source="apart", out="alias", overwrite=True)
@example(source="own/loops/pack", out="apart", overwrite=True)
@example(source="own", out="apart", overwrite=True)
def test_no_file_changes_that_was_there_or_is_read(kept, source, out, overwrite):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(kept, Path(folder, "root"), symlinks=True))
        before, read = hash_files(root), hash_files(root / source)
        try:
            standardize(root / source, root / out, PARAMS, overwrite=overwrite)
        except InputError:
            assert hash_files(root) == before
        else:
            assert (root / out / "manifest.parquet").is_file()
        assert read.items() <= hash_files(root / source).items()
        assert overwrite or before.items() <= hash_files(root).items()
        assert not list(root.rglob(".part-*"))


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("own", "own"),
        ("own", "own/loops"),
        ("own/loops", "own"),
        ("own/loops/pack", "own"),
        ("alias", "own/clean"),
        ("own/loops", "apart/../alias"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_among_the_sources_is_refused_whatever_is_allowed(
    kept, tmp_path, source, out, overwrite
):
    root = Path(shutil.copytree(kept, tmp_path / "root", symlinks=True))
    with pytest.raises(InputError, match=r"among_sources .* is read.*Name a place") as caught:
        standardize(root / source, root / out, PARAMS, overwrite=overwrite)
    assert caught.value.path.is_relative_to(root / out)


def test_a_link_within_the_output_leads_to_no_source(kept, tmp_path):
    root = Path(shutil.copytree(kept, tmp_path / "root", symlinks=True))
    before = hash_files(root)
    with pytest.raises(InputError, match="apart/loops/pack: among_sources"):
        standardize(root / "own/loops", root / "apart", PARAMS, overwrite=True)
    assert hash_files(root) == before


def test_sources_beside_the_loops_are_none_of_the_outputs(kept, tmp_path):
    root = Path(shutil.copytree(kept, tmp_path / "root", symlinks=True))
    manifest, _ = standardize(root / "own/loops", root / "new", PARAMS)
    assert len(manifest) == 4
    manifest, _ = standardize(root / "apart/a.mid", root / "apart", PARAMS, overwrite=True)
    assert (root / "apart/loops/a.mid").is_file()


def test_another_runs_files_stay_unless_that_is_allowed(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    write_loop(source / "a.mid", make_loop((0, 0)))
    standardize(source, out, PARAMS)
    before = hash_files(out)
    standardize(source, out, PARAMS)  # the same bytes replace nothing
    assert hash_files(out) == before
    write_loop(source / "a.mid", make_loop((4, 1)))
    write_loop(source / "new.mid", make_loop((4, 1)))
    with pytest.raises(InputError, match=r"exists .*--overwrite") as caught:
        standardize(source, out, PARAMS)
    assert caught.value.path == out / "hits.parquet"
    assert hash_files(out) == before
    standardize(source, out, PARAMS, overwrite=True)
    assert len(hash_files(out)) == len(before) + 1


def test_a_run_that_fails_leaves_no_folder_behind(tmp_path):
    outputs = Outputs(tmp_path / "new/folder", ("a",), ())
    with pytest.raises(WriteError, match="Not a directory"), outputs.staging() as folder:
        (write_file(folder / "a") / "below").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("there", "made"), [("a", "a/b"), ("a/b", "a")])
def test_a_folder_and_a_file_do_not_replace_each_other(tmp_path, there, made):
    write_text(tmp_path / there, "there")
    outputs = Outputs(tmp_path, ("a",), (), overwrite=True)
    with pytest.raises(InputError, match="in_the_way"), outputs.staging() as folder:
        write_text(folder / made, "made")
    assert (tmp_path / there).read_text() == "there"


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(
        make_network(), make_humanizer(), [make_loop((0, 0))], "0" * 16, data_hash="0" * 16
    )


@pytest.mark.parametrize("control", ["primer", "vary", "lock_from"])
def test_loops_never_take_the_place_of_the_file_they_go_on_from(generator, tmp_path, control):
    file = tmp_path / "loop-140bpm-0-00002.mid"
    write_loop(file, make_loop((0, 0), (4, 1)))
    (tmp_path / "link").symlink_to(tmp_path)
    given = {control: str(tmp_path / "link" / file.name), "loops": 2, "bars": 1}
    params = SampleParams(**given, lock=("kick",) if control == "lock_from" else ())
    before = hash_files(tmp_path)
    with pytest.raises(InputError, match=r"loop-140bpm-0-00002\.mid: among_sources"):
        generate(generator, params, 0, tmp_path, overwrite=True)
    assert hash_files(tmp_path) == before
    generate(generator, params, 1, tmp_path)
    assert len(hash_files(tmp_path)) == len(before) + 8


def test_loops_of_another_draw_stay_unless_that_is_allowed(generator, tmp_path):
    generate(generator, SampleParams(2, 1), 0, tmp_path)
    before = hash_files(tmp_path)
    generate(generator, SampleParams(1, 1), 0, tmp_path)
    regenerate(generator, tmp_path / "loop-140bpm-0-00002.json", tmp_path / "again")
    assert hash_files(tmp_path / "again").items() <= before.items()
    other = SampleParams(1, 1, temperature=0.5)
    with pytest.raises(InputError, match=r"loop-140bpm-0-00001\.\w+: exists .*--overwrite"):
        generate(generator, other, 0, tmp_path)
    with pytest.raises(InputError, match=r"loop-140bpm-0-00002\.json: among_sources"):
        regenerate(generator, tmp_path / "loop-140bpm-0-00002.json", tmp_path, overwrite=True)
    assert before.items() <= hash_files(tmp_path).items()
    generate(generator, other, 0, tmp_path, overwrite=True)
    assert not before.items() <= hash_files(tmp_path).items()

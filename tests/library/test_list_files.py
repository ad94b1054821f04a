"""Every file of a folder is read, refused with a reason, or counted; no pipe is opened."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command import trapgen
from tests.strategies import END, midi_file, note_on, track
from trapgen.core import REJECTS, InputError, StandardizeParams, read_table
from trapgen.ingest import find_midi, gather_packs, import_pack, list_files, standardize

LOOP = midi_file(track(note_on(0), note_on(480, 38), note_on(480, 42), end=END))
PARAMS = StandardizeParams()
# Root reads everything; without these rights, a process is held to a file's permissions.
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


def rules(rejects) -> dict[str, str]:
    return dict(zip(rejects["path"], rejects["rule"], strict=True))


# One way to make each kind of entry, and what becomes of it under a name with an ending of MIDI,
# and under another.
KINDS = {
    "file": (lambda path: path.write_bytes(LOOP), "midi", "ending"),
    "text": (lambda path: path.write_bytes(b"text"), "midi", "other"),
    "empty": (lambda path: path.write_bytes(b""), "midi", "other"),
    "pipe": (os.mkfifo, "not_a_file", "none"),
    "socket": (lambda path: bind_socket(path), "not_a_file", "none"),
    "broken": (lambda path: path.symlink_to("nowhere"), "broken_link", "broken_link"),
    "ring": (lambda path: path.symlink_to(path.name), "broken_link", "broken_link"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "not_a_file", "none"),
    "huge": (lambda path: make_sparse(path, 10 << 30), "file_size", "other"),
    "root": (lambda path: path.symlink_to("."), "link", "link"),
}


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        os.chdir(path.parent)  # the name of a socket is at most 107 bytes long
        end.bind(path.name)


def make_sparse(path: Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(n_bytes)


NAMES = st.sampled_from(
    [*("a.mid", "b.MIDI", "c.rmi", "d.Kar", "e.smf", "f.wav", "g", "h.mid.txt", ".i.mid", "..mid")]
)
FOLDERS = st.sampled_from(["", "pack", "pack/hats", ".hidden", "new\nline"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.tuples(FOLDERS, NAMES), st.sampled_from(sorted(KINDS)), max_size=8))
def test_every_entry_is_accounted_for(tmp_path, monkeypatch, entries):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    expected = {}
    for (folder, name), kind in entries.items():
        path = source / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make, as_midi, as_other = KINDS[kind]
        make(path)
        is_midi = path.suffix.lower() in (".mid", ".midi", ".rmi", ".kar", ".smf")
        found = as_midi if is_midi else as_other
        if name.startswith(".") and found in ("midi", "ending", "file_size"):
            found = "hidden" if is_midi else "other"
        expected[path] = found
    monkeypatch.chdir(tmp_path)
    listing = list_files(source)
    assert listing.midi == sorted(path for path, found in expected.items() if found == "midi")
    assert {error.path: error.rule for error in listing.refused} == {
        path: found for path, found in expected.items() if found not in ("midi", "other", "none")
    }
    assert sum(listing.left_out.values()) == sum(
        found in ("other", "none") for found in expected.values()
    )


def test_every_ending_of_midi_is_read_and_midi_by_another_is_told(shared, tmp_path):
    shutil.copytree(shared / "cases", tmp_path / "cases")
    subprocess.run([sys.executable, tmp_path / "cases/rmi_kar/make.py"], check=True)
    source = tmp_path / "cases" / "rmi_kar" / "in"
    manifest, rejects = standardize(source, tmp_path / "out", PARAMS)
    names = ["a.mid", "b.MID", "c.midi", "d.rmi", "e.kar", "f.smf", "i.Mid"]
    assert manifest["source_path"].tolist() == names
    assert manifest["loop_id"].tolist() == list("abcdefi")
    assert set(zip(manifest["bpm"], manifest["n_bars"], strict=True)) == {(140, 2)}
    assert manifest["source_ids"].nunique() == 1
    assert rules(rejects) == {"g": "ending", "h.mid.txt": "ending"}
    assert list(import_pack(source, tmp_path / "pack").pack["path"]) == names


def test_a_zip_from_a_mac_gives_its_three_files(shared, tmp_path):
    shutil.copytree(shared / "cases", tmp_path / "cases")
    subprocess.run([sys.executable, tmp_path / "cases/mac_zip/make.py"], check=True)
    (source,) = (tmp_path / "cases" / "mac_zip" / "in").iterdir()
    done = import_pack(source, tmp_path / "pack")
    assert [Path(path).suffix for path in done.pack["path"]] == [".mid", ".MID", ".midi"]
    assert (done.left_out, len(done.rejects)) == ({".txt": 1, "hidden": 3}, 0)
    manifest, rejects = standardize(tmp_path / "pack", tmp_path / "out", PARAMS)
    assert (len(manifest), len(rejects)) == (3, 0)


def test_odd_names_are_read_and_stay_what_they_are(shared, tmp_path):
    shutil.copytree(shared / "cases", tmp_path / "cases")
    subprocess.run([sys.executable, tmp_path / "cases/names/make.py"], check=True)
    source = tmp_path / "cases" / "names" / "in"
    names = {path.relative_to(source).as_posix() for path in source.rglob("*.*") if path.is_file()}
    gather_packs(source, tmp_path / "raw", starter=False)
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    hidden = "My Pack (2024)/Drum Loops/..mid"
    assert set(manifest["source_path"]) == names - {hidden}
    assert len(manifest) == manifest["loop_id"].nunique() == 22
    assert rules(rejects) == {hidden: "hidden"}


def test_a_linked_pack_is_read_once_and_a_ring_is_told(tmp_path):
    packs, elsewhere = tmp_path / "packs", tmp_path / "elsewhere"
    (packs / "mine").mkdir(parents=True)
    (elsewhere / "deep").mkdir(parents=True)
    for path in (packs / "mine" / "a.mid", elsewhere / "b.mid", elsewhere / "deep" / "c.mid"):
        path.write_bytes(LOOP)
    (elsewhere / "pack.csv").write_bytes(b"not a table")
    (elsewhere / "back").symlink_to(packs)
    (packs / "linked").symlink_to(elsewhere)
    (packs / "mine" / "again").symlink_to(elsewhere / "deep")
    (packs / "one.mid").symlink_to(elsewhere / "b.mid")
    listing = list_files(packs)
    names = ["linked/b.mid", "linked/deep/c.mid", "mine/a.mid", "one.mid"]
    assert [path.relative_to(packs).as_posix() for path in listing.midi] == names
    assert {error.path.relative_to(packs).as_posix() for error in listing.refused} == {
        "linked/back",
        "mine/again",
    }
    assert listing.others == [packs / "linked" / "pack.csv"]
    (elsewhere / "pack.csv").unlink()
    with pytest.raises(InputError, match="among_sources"):
        standardize(packs, elsewhere / "out", PARAMS)


def test_what_the_corpus_does_not_copy_has_its_row_after_standardizing(tmp_path):
    packs = tmp_path / "packs"
    (packs / "mine").mkdir(parents=True)
    (packs / "mine" / "a.mid").write_bytes(LOOP)
    (packs / "mine" / "b.mid").write_bytes(b"no MIDI")
    os.mkfifo(packs / "mine" / "pipe.mid")
    make_sparse(packs / "huge.mid", 10 << 30)
    assert gather_packs(packs, tmp_path / "raw", starter=False) == 2
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    assert manifest["source_path"].tolist() == ["mine/a.mid"]
    assert rules(rejects) == {
        "huge.mid": "file_size",
        "mine/b.mid": "not_midi",
        "mine/pipe.mid": "not_a_file",
    }
    # Without anything refused, nothing is added to what is copied.
    gather_packs(tmp_path / "none", tmp_path / "starter")
    assert not (tmp_path / "starter" / "rejects.csv").exists()


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv to drop rights with")
def test_what_may_not_be_read_is_a_row_and_the_rest_is_read(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "locked").mkdir(parents=True)
    for name in ("a.mid", "b.mid", "locked/c.mid"):
        (source / name).write_bytes(LOOP)
    (source / "b.mid").chmod(0)
    (source / "locked").chmod(0)
    command = [sys.executable, "-m", "trapgen.cli", "standardize", source, "--out", out]
    dropped = [*WITHOUT_RIGHTS, *command] if os.geteuid() == 0 else command
    done = subprocess.run(dropped, capture_output=True, text=True, check=False)
    (source / "locked").chmod(0o700)
    assert done.returncode == 0, done.stderr
    rejects = read_table(out / "rejects.csv", REJECTS)
    assert rules(rejects) == {"b.mid": "unreadable", "locked": "unreadable"}
    assert set(rejects["received"]) == {"Permission denied"}


def test_names_too_long_for_a_loop_are_rows_and_the_rest_is_read(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a.mid", "k" * 251 + ".mid", "k" * 250 + ".midi", "k" * 250 + ".mid"):
        (source / name).write_bytes(LOOP)
    deep = "/".join(["d" * 200] * 17)
    (source / deep).mkdir(parents=True)
    (source / deep / "deep.mid").write_bytes(LOOP)
    manifest, rejects = standardize(source, tmp_path / ("o" * 200) / ("p" * 200) / "out", PARAMS)
    assert len(manifest) + len(rejects) == 5
    assert set(rejects["rule"]) == {"name_length"}
    assert "a" in set(manifest["loop_id"])
    assert "k" * 250 + ".midi" in set(rejects["path"])


def test_a_folder_may_be_called_as_a_loop_is(tmp_path):
    source = tmp_path / "source"
    (source / "kick.mid").mkdir(parents=True)
    (source / "kick.mid" / "a.mid").write_bytes(LOOP)
    (source / "kick.midi").write_bytes(LOOP)
    manifest, rejects = standardize(source, tmp_path / "out", PARAMS)
    assert sorted(manifest["loop_id"]) == ["kick.mid/a", "kick.midi"]
    assert rejects.empty
    assert all((tmp_path / "out" / path).is_file() for path in manifest["path"])


def test_a_standardize_that_read_nothing_exits_3_and_says_where_the_reasons_are(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "a.mid").write_bytes(b"no MIDI")
    (source / "notes.txt").write_bytes(b"text")
    done = trapgen("standardize", source, "--out", out, "--json")
    assert done.returncode == 3
    assert '"left_out": {".txt": 1}' in done.stdout
    assert "no_loops (received 1 files, none of them readable)" in done.stderr
    assert rules(read_table(out / "rejects.csv", REJECTS)) == {"a.mid": "not_midi"}
    (source / "a.mid").unlink()
    os.mkfifo(source / "pipe.mid")
    assert trapgen("standardize", source, "--out", out, "--overwrite").returncode == 3
    assert rules(read_table(out / "rejects.csv", REJECTS)) == {"pipe.mid": "not_a_file"}


@pytest.mark.parametrize("where", ["pipe", "/dev/zero", "socket"])
def test_special_files_are_never_a_source(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    if where == "pipe":
        os.mkfifo(where)
    if where == "socket":
        bind_socket(tmp_path / where)
    with pytest.raises(InputError, match="not_a_file"):
        find_midi(Path(where))

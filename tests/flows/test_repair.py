"""What a kill within a write of DVC's leaves behind, and what becomes of it."""

import json
import shutil
import subprocess

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo

from flows import ROOT, dag
from flows.repair import LOCK_FILE, find_damage, keep_copy, repair

HALF = b"schema: '2.0'\nstages:\n  audit:\n    cmd: 'python -m"


def keep(toy) -> None:
    with Repo(str(toy.root)) as repo:
        keep_copy(repo)


@pytest.mark.parametrize("content", [b"", HALF, b"\xff\xfe", b"[]"])
def test_an_unreadable_lock_file_gives_way_to_the_copy_that_flows_keep(built, content) -> None:
    keep(built)
    lock = built.root / LOCK_FILE
    before = lock.read_bytes()
    lock.write_bytes(content)
    with pytest.raises(DvcException):
        built.status()
    [sentence] = repair(built.root)
    assert "the copy that flows keep has taken its place" in sentence
    assert lock.read_bytes() == before
    assert built.status() == {}
    assert (built.root / ".dvc/tmp/dvc.lock.broken").read_bytes() == content
    assert repair(built.root) == []


def test_git_has_the_next_best_version(built) -> None:
    lock = built.root / LOCK_FILE
    before = lock.read_bytes()
    for command in (["init", "-q"], ["add", LOCK_FILE], ["commit", "-qm", "a night"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *author, *command], cwd=built.root, check=True)
    keep(built)
    (built.root / ".dvc/tmp/dvc.lock.copy").write_bytes(HALF)
    lock.write_bytes(b"")
    [sentence] = repair(built.root)
    assert "git's last version" in sentence
    assert lock.read_bytes() == before


def test_without_another_version_the_run_cache_knows_what_ran(built, load_toy) -> None:
    lock = built.root / LOCK_FILE
    before = lock.read_bytes()
    lock.write_bytes(HALF)
    [sentence] = repair(built.root)
    assert "no other version" in sentence
    with dag.open_repo(built.root) as repo:
        nodes = dag.read_graph(repo)
    for node in nodes:
        assert dag.refresh(built.root, node.name, load_toy(node.name).run)[0] == dag.RESTORED
    assert (built.take_calls(), lock.read_bytes()) == ([], before)


def test_a_merge_is_left_to_the_user(built) -> None:
    keep(built)
    text = "<<<<<<< HEAD\n" + (built.root / LOCK_FILE).read_text()
    (built.root / LOCK_FILE).write_text(text)
    assert repair(built.root) == []
    assert (built.root / LOCK_FILE).read_text() == text


@pytest.mark.parametrize("content", ["", '{"write": {"data/raw"', '{"write": 1}'])
def test_an_unreadable_rwlock_is_removed(built, load_toy, content: str) -> None:
    rwlock = built.root / ".dvc/tmp/rwlock"
    rwlock.write_text(content)
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    assert "rwlock" in repair(built.root)[0]
    assert dag.refresh(built.root, "train", load_toy("train").run)[0] == dag.RAN


def test_a_rwlock_that_others_hold_stays(built) -> None:
    held = json.dumps({"read": {}, "write": {"data/raw": {"pid": 1, "cmd": "dvc repro"}}})
    (built.root / ".dvc/tmp/rwlock").write_text(held)
    assert repair(built.root) == []
    assert (built.root / ".dvc/tmp/rwlock").read_text() == held


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_repair_mends_what_is_told_to_be_damaged(built) -> None:
    keep(built)
    lock, rwlock = built.root / LOCK_FILE, built.root / ".dvc/tmp/rwlock"
    before = lock.read_bytes()
    assert find_damage(built.root) == []
    lock.write_bytes(b"")
    rwlock.write_bytes(b'{"write": {"data')
    broken, locked = find_damage(built.root)
    assert broken.startswith(".dvc/tmp/rwlock is unreadable (16 bytes)")
    assert locked.startswith("dvc.lock is unreadable (0 bytes)")
    assert locked.endswith("run `make repair`")
    assert lock.read_bytes() == b""
    # The environment is this one: nothing is to be installed.
    shutil.copytree(ROOT / "flows", built.root / "flows")
    command = ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.ready", "repair"]
    done = subprocess.run(command, cwd=built.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "removed .dvc/tmp/rwlock" in done.stdout
    assert "the copy that flows keep has taken its place" in done.stdout
    assert (lock.read_bytes(), built.status(), find_damage(built.root)) == (before, {}, [])


def test_a_flow_keeps_a_copy_of_what_it_records(built, load_toy) -> None:
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    dag.refresh(built.root, "train", load_toy("train").run)
    copy = built.root / ".dvc/tmp/dvc.lock.copy"
    assert copy.read_bytes() == (built.root / LOCK_FILE).read_bytes()

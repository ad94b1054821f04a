"""A rebuild's pointers in git, its files at the DVC remote."""

import subprocess

import pytest
from dvc.repo import Repo

from flows.keep import commit_pointers, push_files
from flows.repair import LOCK_FILE


class Git:
    def __init__(self, root) -> None:
        self.root = root

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def git(built, monkeypatch) -> Git:
    """The built checkout, committed by somebody of whom git knows nothing later."""
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", "/dev/null")
    monkeypatch.setenv("EMAIL", "")
    git = Git(built.root)
    git("init", "-q", "-b", "main")
    (built.root / ".gitignore").write_text("/data/*\n!/data/packs/\n!/data/split/\n")
    git("add", "--all")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "before")
    return git


def change_pointers(built) -> None:
    with (built.root / LOCK_FILE).open("a") as file:
        file.write("# changed\n")
    packs = ("packs/.gitignore", "packs/my beats é.dvc", "packs/notes.txt")
    for name in ("split/assigned.csv", *packs):
        path = built.root / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("new")


def test_pointers_are_committed_and_nothing_else_that_is_staged(built, git, capsys) -> None:
    change_pointers(built)
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    git("add", "params.yaml", LOCK_FILE)
    commit = commit_pointers.fn(built.root, "A night", ["train: params.yaml train modified"])
    assert git("rev-parse", "--short", "HEAD").strip() == commit
    assert git("log", "-1", "--format=%an: %B").strip() == (
        "trapgen: A night\n\ntrain: params.yaml train modified"
    )
    assert git("show", "--format=", "--name-only", "-z").split("\0")[:-1] == [
        "data/packs/.gitignore",
        "data/packs/my beats é.dvc",
        "data/split/assigned.csv",
        LOCK_FILE,
    ]
    assert git("diff", "--cached", "--name-only").split() == ["params.yaml"]
    assert f"as {commit}" in capsys.readouterr().out
    assert commit_pointers.fn(built.root, "Again") == ""


def test_a_pack_that_was_removed_is_committed_too(built, git) -> None:
    change_pointers(built)
    commit_pointers.fn(built.root, "A night")
    (built.root / "data/packs/my beats é.dvc").unlink()
    assert commit_pointers.fn(built.root, "Another")
    assert git("show", "--format=", "--name-status", "-z") == "D\0data/packs/my beats é.dvc\0"


def test_where_git_refuses_its_reason_is_the_state(built, git) -> None:
    change_pointers(built)
    (built.root / ".git/index.lock").touch()
    state = commit_pointers.fn(built.root, "A night")
    assert state.is_failed()
    assert "not_committed" in state.message
    assert "index.lock" in state.message


def test_without_git_nothing_is_committed(built, capsys) -> None:
    assert commit_pointers.fn(built.root, "A night") == ""
    assert capsys.readouterr().out == "nothing committed: no git repository\n"


def test_files_go_to_the_default_remote_if_there_is_one(built, tmp_path) -> None:
    assert push_files.fn(built.root) == 0
    store = tmp_path / "store"
    store.mkdir()
    with Repo(str(built.root)) as repo, repo.config.edit() as config:
        config["remote"] = {"store": {"url": str(store)}}
        config["core"]["remote"] = "store"
    assert push_files.fn(built.root) > 3
    assert any(path.is_file() for path in store.rglob("*"))
    assert push_files.fn(built.root) == 0

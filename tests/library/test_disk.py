"""No file that was there is lost: places that meet, full disks, kills, runs at the same time."""

from __future__ import annotations

import hashlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import trapgen
from tests.networks import make_humanizer, make_network
from tests.strategies import make_loop
from trapgen.core import InputError, Outputs, WriteError, hold_folder, write_text
from trapgen.midi import write_loop
from trapgen.model import save_humanizer, save_network
from trapgen.similarity import save_training_index

PLACES = (
    ".",
    "own",
    "own/loops",
    "own/loops/a.mid",
    "own/words.txt",
    "own/made",
    "own/made/first.json",
    "own/made/new",
    "own/../apart",
    "alias",
    "alias/loops",
    "apart",
    "apart/linked.mid",
    "apart/new/place",
    "new",
)
VERBS = ("standardize", "encode", "decode", "audit", "generate", "vary", "regenerate", "import")
N_PAIRS = int(os.environ.get("TRAPGEN_PAIRS", "200"))
N_FULL = int(os.environ.get("TRAPGEN_FULL", "20"))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_network(folder, make_network())
    save_humanizer(folder, make_humanizer())
    save_training_index(folder, [make_loop((0, 0), (4, 1))])
    return folder


@pytest.fixture(scope="module")
def kept(model: Path, tmp_path_factory) -> Path:
    """A user's folders: loops, text, loops generated before, and links."""
    root = tmp_path_factory.mktemp("kept")
    for number, name in enumerate(("own/loops/a", "own/loops/deep/b", "own/c", "apart/d")):
        write_loop(root / f"{name}.mid", make_loop((number, 0), (4, 1), (8, number)))
    write_text(root / "own/words.txt", "0b000000001 " * 16 + "BAR\n")
    for name in ("manifest.parquet", "report.html", "pack.csv", "loops.txt", "words-0001.mid"):
        write_text(root / "own" / name, "the user's")
    options = ("--bars", 1, "--model", model, "--out", root / "own/made")
    assert trapgen("generate", "--loops", 2, *options).returncode == 0
    for path in (root / "own/made").iterdir():
        path.rename(path.with_name(f"first{path.suffix}"))
    (root / "alias").symlink_to("own")
    (root / "apart/linked.mid").symlink_to("../own/loops/a.mid")
    return root


def hash_files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (root, *root.rglob("*"))
        if path.is_file()
    }


def call(verb: str, source: Path, out: Path, model: Path) -> list[object]:
    """Arguments of a verb that reads one place and writes another."""
    some = ("--loops", 2, "--bars", 1, "--model", model, "--steps-per-bar", 16)
    return {
        "audit": ["audit", source, source.parent / "c.mid", "--out", out],
        "decode": ["decode", source, "--out", out, "--steps-per-bar", 16],
        "generate": ["generate", "--out", out, *some],
        "vary": ["generate", "--out", out, *some, "--vary", source],
        "regenerate": ["regenerate", source, "--out", out, "--model", model],
    }.get(verb, [verb, source, "--out", out])


def meet(kept: Path, model: Path, folder: Path, verb: str, n_pairs: int) -> int:
    """Run a verb on random places in copies of the folders; how many runs went well."""
    draw, n_well = random.Random(verb), 0
    for number in range(n_pairs):
        source, out = draw.choice(PLACES), draw.choice(PLACES)
        overwrite = verb != "import" and draw.random() < 0.3
        root = Path(shutil.copytree(kept, folder / f"{number}", symlinks=True))
        before, read = hash_files(root), hash_files(root / source)
        done = trapgen(*call(verb, root / source, root / out, model), *["--overwrite"] * overwrite)
        place = f"{verb} {source} {out} {overwrite}: {done.stderr}"
        assert done.returncode in (0, 2, 3, 4), place
        assert verb == "generate" or read.items() <= hash_files(root / source).items(), place
        assert overwrite or before.items() <= hash_files(root).items(), place
        # A standardize that read nothing leaves the reasons.
        if done.returncode in (2, 3) and "rejects.csv has the reasons" not in done.stderr:
            assert hash_files(root) == before, place
        assert not list(root.rglob(".part-*")), place
        n_well += done.returncode in (0, 4)
        shutil.rmtree(root)
    return n_well


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_changes_what_was_there_or_is_read(kept, model, tmp_path, verb):
    meet(kept, model, tmp_path, verb, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_changes_what_was_there_in_any_place(kept, model, tmp_path, verb):
    assert meet(kept, model, tmp_path, verb, N_PAIRS) > 0


def test_the_same_command_again_changes_nothing_and_another_is_told_what_to_do(model, tmp_path):
    command = ("generate", "--out", tmp_path / "loops", "--loops", 2, "--bars", 1, "--model", model)
    assert trapgen(*command).returncode == 0
    paths = sorted((tmp_path / "loops").iterdir())
    made = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
    assert [path.name for path in paths[::4]] == [
        "loop-140bpm-0-00001.json",
        "loop-140bpm-0-00002.json",
    ]
    assert trapgen(*command).returncode == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made} == made
    done = trapgen(*command, "--top-p", 0.5)
    assert done.returncode == 3
    assert re.search(r"exists .*Name another place, or replace it with --overwrite\.$", done.stderr)
    assert sorted((tmp_path / "loops").iterdir()) == paths
    for other in (("--seed", 1), ("--bpm", 92.5)):
        assert trapgen(*command, *other).returncode == 0
    names = {path.stem for path in (tmp_path / "loops").iterdir()}
    runs = ("140bpm-0", "140bpm-1", "92.5bpm-0")
    assert names == {f"loop-{run}-0000{number}" for run in runs for number in "12"}
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made} == made


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--loops", 10**30, "from 1 to 99,999"),
        ("--loops", 100_000, "from 1 to 99,999"),
        ("--bars", 100_000, "from 1 to 512 bars"),
        ("--bars", 10**9, "from 1 to 512 bars"),
    ],
)
def test_more_than_can_be_made_is_refused_before_any_work(tmp_path, option, value, rule):
    done = trapgen("generate", "--out", tmp_path / "out", "--model", tmp_path, option, value)
    assert done.returncode == 2
    assert re.fullmatch(rf"error: sample\.\w+ must be .*{rule} \(received {value}\)\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


# Kills and runs at the same time

# It begins to write files of a unit, and is killed before, or between two of their moves.
UNIT = """
import os, shutil, signal, sys
from pathlib import Path
from trapgen.core import Outputs
out, n_moves, overwrite = Path(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3
move, moved = shutil.move, []
def killed(*arguments):
    if len(moved) == n_moves:
        os.kill(os.getpid(), signal.SIGKILL)
    moved.append(move(*arguments))
shutil.move = killed
with Outputs(out, (), (), overwrite).staging() as folder:
    for name in "abcd":
        (folder / name).write_text(f"new {name}")
    if n_moves < 0:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("n_moves", "overwrite"), [(-1, True), (0, False), (3, True)])
def test_files_of_a_killed_run_land_together_or_not_at_all(tmp_path, n_moves, overwrite):
    out = tmp_path / "out"
    write_text(out / "user.txt", "kept")
    if overwrite:
        write_text(out / "c", "old")
    command = [sys.executable, "-c", UNIT, str(out), str(n_moves), *["--overwrite"] * overwrite]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(out.glob(".part-*"))) == 1
    with Outputs(out, (), ()).staging() as folder:
        write_text(folder / "next", "next")
    kept = {"user.txt": "kept", "next": "next"} | ({"c": "old"} if overwrite else {})
    unit = {} if n_moves < 0 else {name: f"new {name}" for name in "abcd"}
    assert {path.name: path.read_text() for path in out.iterdir()} == {**kept, **unit}


def test_what_the_user_put_there_meanwhile_stays(tmp_path):
    command = [sys.executable, "-c", UNIT, str(tmp_path), "1"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    write_text(tmp_path / "c", "the user's")
    with hold_folder(tmp_path) as left:
        assert [path.suffix for path in left] == [".whole"]
    with Outputs(tmp_path, (), ()).staging():
        pass
    assert (tmp_path / "c").read_text() == "the user's"
    assert not list(tmp_path.glob(".part-*"))


def test_two_runs_do_not_write_one_folder_at_a_time(tmp_path, capsys):
    code = (
        "import sys\nfrom pathlib import Path\nfrom trapgen.core import hold_folder\n"
        "with hold_folder(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(InputError, match=r"in_use.*Try again"),
            hold_folder(tmp_path / "out", 0.1),
        ):
            pass
        assert "waiting up to 0.1 s: another run writes" in capsys.readouterr().err
        other.kill()
        other.wait()
        with hold_folder(tmp_path / "out", 0):
            assert (tmp_path / "out").is_dir()
    with hold_folder(tmp_path / "new/folder"):
        assert (tmp_path / "new/folder").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# Full disks, folders that cannot be written


def forbid_large_files() -> None:
    """No file grows beyond 3,000 bytes; writing more fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_a_write_that_fails_is_one_sentence_and_leaves_the_old_files(kept, tmp_path):
    root = Path(shutil.copytree(kept, tmp_path / "root", symlinks=True))
    before = hash_files(root)
    done = subprocess.run(
        [sys.executable, "-m", "trapgen.cli", "standardize", "own/loops", "--out", "out"],
        cwd=root, preexec_fn=forbid_large_files, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    sentence = (
        r"error: out/\w+\.parquet: not_written \(received File too large\)\. Free some [^\n]*"
    )
    assert re.fullmatch(sentence, done.stderr.strip()), done.stderr
    assert hash_files(root) == before
    assert not (root / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "out/.part-1"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    outputs, message = Outputs(tmp_path / "out", (), ()), r"out: not_written .*can be written\.$"
    with pytest.raises(WriteError, match=message), outputs.staging():
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


# A file system of its own, of so many KiB, on which the commands run.
ON_A_SMALL_DISK = """
set -e
mount -t tmpfs -o size=$1k tmpfs "$2"
shift
cd "$1"
shift
cp -r "$1"/. .
shift
find . -type f | sort | xargs sha256sum > "$1"/before
code=0
"$2" -m trapgen.cli $3 > "$1"/stdout 2> "$1"/stderr || code=$?
grep -v '^$' "$1"/before | sha256sum --check --quiet || code=99
find . -name '.part-*' | grep . && code=98
exit $code
"""


def can_mount() -> bool:
    command = ["unshare", "--mount", "--map-root-user", "--user", "true"]
    return shutil.which("unshare") is not None and not subprocess.run(command).returncode


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_full_disk_leaves_old_files_whole_and_one_sentence(kept, model, tmp_path):
    if not can_mount():
        pytest.skip("no user namespaces here")
    draw = random.Random(14)
    needed = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) // 1024
    verbs = {
        "standardize": "standardize own/loops --out out",
        "encode": "encode own/loops --out out/words.txt",
        "decode": "decode own/words.txt --out out --steps-per-bar 16",
        "audit": "audit own/loops own/c.mid --out out",
        "generate": f"generate --out out --loops 3 --bars 1 --model {model}",
        "import": "import own/loops --out out",
    }
    told = []
    for number in range(N_FULL):
        verb = list(verbs)[number % len(verbs)]
        place, log = tmp_path / f"disk-{number}", tmp_path / f"log-{number}"
        place.mkdir()
        log.mkdir()
        size = str(needed + 60 + draw.randrange({"generate": 400, "audit": 200}.get(verb, 40)))
        command = ["unshare", "--mount", "--map-root-user", "--user", "sh", "-c", ON_A_SMALL_DISK]
        arguments = ["sh", size, place, kept, log, sys.executable, verbs[verb]]
        code = subprocess.run([*command, *map(str, arguments)], check=False).returncode
        stderr = (log / "stderr").read_text()
        assert code in (0, 3, 4), f"{verb} on {size} KiB: {code} {stderr}"
        assert "Traceback" not in stderr
        if code == 3:
            errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
            assert len(errors) == 1, stderr
            assert "No space left on device" in errors[0], stderr
        told.append(code)
    assert told.count(3) >= N_FULL // 4, told

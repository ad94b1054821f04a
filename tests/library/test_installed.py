"""The package as users install it: what the wheel holds, and how little the command needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]

# What a core install does without, by the names that are imported.
EXTRAS = ("datasketch", "dvc", "great_expectations", "matplotlib", "mlflow", "onnx", "prefect")
EXTRAS += ("rich", "scipy", "sklearn", "tensorflow")
CORE = (
    f"import sys; sys.modules.update(dict.fromkeys({EXTRAS})); from trapgen.cli import main; main()"
)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CORE, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_every_verb_works_in_a_core_install_and_in_a_path_with_spaces(tmp_path):
    folder = tmp_path / "my beats (2)"
    folder.mkdir()
    verbs = [
        ("generate", "--out", "new loops", "--loops", "2"),
        ("regenerate", "new loops/trap-140bpm-0-00001.json", "--out", "again"),
        ("standardize", "new loops", "--out", "clean"),
        ("encode", "new loops", "--out", "loops.txt", "--steps-per-bar", "32"),
        ("decode", "loops.txt", "--out", "midi", "--steps-per-bar", "32"),
        ("score", "new loops", "--model", "factory"),
        ("import", "new loops", "--out", "packs/mine"),
        ("keymap", "list"),
    ]
    for words in verbs:
        done = run(folder, *words)
        assert done.returncode == 0, (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert run(folder, "audit", "new loops", "again", "--out", "report").returncode == 4
    assert (folder / "report/report.html").stat().st_size > 10_000
    assert len(list((folder / "new loops").glob("*.mid"))) == 2
    assert not list((folder / "new loops").glob("*.png"))


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path))
    copy = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "trapgen", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for name in tracked:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(ZipFile(wheel).namelist())
    assert {name for name in tracked if name.startswith("trapgen/")} - held == set()

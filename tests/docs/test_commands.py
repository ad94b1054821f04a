"""What the README and the documentation tell a reader to type does what they say.

A page's blocks run in their order, in one folder. A block that is not run says why, in a comment
before it: `<!-- not run: needs a server -->`. One that ends with another exit code than 0 has
`<!-- exits with 4 -->`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, PROGRAMS, ROOT, SHOWN, Block, read_blocks
from trapgen.ingest import write_packs

BLOCKS = [block for page in PAGES for block in read_blocks(page)]
RUN_PAGES = list(dict.fromkeys(block.page for block in BLOCKS if block.is_run))
CHECKOUT = "docs/how-to/share-with-dvc.md"
LIMIT_S = 240


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_run_or_says_why_not(block: Block) -> None:
    assert block.language, "name the language of the block, or `text`"
    if block.reason or block.language in SHOWN:
        return
    assert block.is_run, f"a block of {block.language} is neither run nor shown"
    if block.is_shell:
        unknown = sorted(block.programs - PROGRAMS)
        assert not unknown, f"{unknown}: mark the block with <!-- not run: REASON -->"


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "python"], ids=str
)
def test_python_of_a_page_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason], ids=str)
def test_not_run(block: Block) -> None:
    pytest.skip(block.reason)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", RUN_PAGES)
def test_the_commands_of_a_page_run(page: str, files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(files, folder)
    if page == CHECKOUT:
        make_checkout(folder / "alice")
    for block in BLOCKS:
        if block.page == page and block.is_run:
            folder = run_block(block, folder, tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages speak of: a loop, a pack as a folder and as a ZIP, two sets that overlap."""
    packs = tmp_path_factory.mktemp("packs")
    write_packs(packs)
    folder = tmp_path_factory.mktemp("files")
    paths = list(pick(packs))
    whole_kit = min(packs.rglob("drums_*.mid"))
    for name, members in {"my-loops": paths, "train": paths[:12], "test": paths[8:]}.items():
        (folder / name).mkdir()
        for path in members:
            shutil.copyfile(path, folder / name / path.name)
    for name in ("mine.mid", "my-loops/drums.mid"):
        shutil.copyfile(whole_kit, folder / name)
    for name in ("my-loops", "loops"):
        shutil.make_archive(str(folder / name), "zip", folder / "my-loops")
    return folder


def pick(packs: Path) -> Iterator[Path]:
    """Six files of every single role."""
    for role in ("Kick", "Snare", "Hat"):
        yield from sorted(packs.glob(f"Night Shift Drums/*/*{role}*.mid"))[:6]


def make_checkout(folder: Path) -> None:
    """A clone of this checkout that someone may commit to."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository to clone")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    for key, value in {"user.name": "Alice", "user.email": "alice@example.org"}.items():
        subprocess.run(["git", "-C", str(folder), "config", key, value], check=True)


def run_block(block: Block, folder: Path, scratch: Path) -> Path:
    """Run a block in a folder; the folder where the next one runs."""
    left = scratch / "folder"
    if block.is_shell:
        script = f"set -euo pipefail\ntrap 'pwd > {left}' EXIT\n{block.commands}"
        command = ["bash", "-c", script]
    else:
        command = [sys.executable, "-c", block.text]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DVC_NO_ANALYTICS": "true",
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == block.code, f"{block}\n{done.stdout}{done.stderr}"
    return Path(left.read_text(encoding="utf-8").strip()) if block.is_shell else folder

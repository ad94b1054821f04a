"""One process at a time changes a checkout."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.stage import HOLDER, LOCK, hold_checkout
from trapgen.core import InputError
from trapgen.core.store import name_part

# It holds the checkout, leaves a file and a folder half written, and waits to be killed.
HOLD = """
import sys
from pathlib import Path
from tasks.stage import hold_checkout
from trapgen.core import Outputs, replacing
root = Path(sys.argv[1])
with (
    hold_checkout(root, "python -m tasks train"),
    replacing(root / "data/model/weights.npz") as part,
    Outputs(root / "data/raw", ("loops",), ()).staging() as folder,
):
    part.write_text("half")
    (folder / "loop.mid").touch()
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(root: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-c", HOLD, str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_who_holds_the_checkout(tmp_path, capsys) -> None:
    with holding(tmp_path) as holder:
        with (
            pytest.raises(InputError, match="in_use") as caught,
            hold_checkout(tmp_path, "python -m tasks audit", wait_s=0.1),
        ):
            pass
        said = f"process {holder.pid}, `python -m tasks train`, since 20"
        assert said in str(caught.value)
        assert caught.value.path == tmp_path / LOCK
        assert f"waiting up to 0.1 s for {said}" in capsys.readouterr().err
        assert json.loads((tmp_path / HOLDER).read_text())["pid"] == holder.pid


def test_a_killed_process_leaves_neither_lock_nor_parts(tmp_path, capsys) -> None:
    with holding(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    left = {path.name for path in (tmp_path / "data").rglob(".part-*")}
    assert len(left) == 2
    others = [tmp_path / "data" / name_part(".csv"), tmp_path / "data" / ".part-mine"]
    for path in others:
        path.touch()
    with hold_checkout(tmp_path, "python -m tasks audit", wait_s=0):
        assert json.loads((tmp_path / HOLDER).read_text())["pid"] == os.getpid()
    assert f"deleted 2 temporary files of process {holder.pid}" in capsys.readouterr().out
    assert sorted((tmp_path / "data").rglob(".part-*")) == sorted(others)
    assert not (tmp_path / HOLDER).exists()


def test_the_lock_is_released_when_a_stage_fails(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), hold_checkout(tmp_path, "one"):
        raise ZeroDivisionError
    with hold_checkout(tmp_path, "another", wait_s=0):
        assert json.loads((tmp_path / HOLDER).read_text())["command"] == "another"

"""The served model: loops as the command writes them, refusals with reasons, a lasting server."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.serve import BARS, LOOPS, ask, compare, post, show, start, start_mlflow
from tasks.serving.package import EXAMPLE, read_requirements, save
from tests.command import trapgen
from tests.docs.blocks import read_blocks
from tests.tasks.checkout import ROOT
from trapgen.core import list_definitions
from trapgen.factory import factory_folder

PAGE = ROOT / "docs/how-to/serve.md"
PRIMER = ROOT / "tests/golden/loop.mid"
# Each is wrong for another reason. All but the first few are JSON.
MALFORMED: list[Any] = [
    b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"inputs": [{"bars": ' + b"9" * 5000 + b"}]}",
    None, 3, "kick", [], {}, {"inputs": 3}, {"inputs": [3]}, {"inputs": [[]]}, {"inputs": {}},
    {"messages": []}, {"dataframe_records": [{"bars": 1}]}, {"instances": [{"bars": 1}]},
]  # fmt: skip
WRONG = (
    -1, 0.5, 10**9, 10**30, float("inf"), True, "", "kick", "\ud800", "/etc/passwd", [], [None],
    ["kick@99:1"], [["kick"]], {}, {"a": 1}, "x" * 5000, "TVRoZA==",
)  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model as MLflow saves it, in a folder of another name."""
    folder = tmp_path_factory.mktemp("saved model") / "model"
    save(factory_folder(16), folder)
    return folder


@pytest.fixture(scope="module")
def model(saved: Path) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(saved))


def read_files(folder: Path) -> dict[str, tuple[bytes, Any]]:
    """MIDI and receipt of each loop that the command wrote."""
    return {
        path.stem: (path.with_suffix(".mid").read_bytes(), json.loads(path.read_text("utf-8")))
        for path in folder.glob("*.json")
    }


def read_answer(loops: Any) -> dict[str, tuple[bytes, Any]]:
    """The same of an answer."""
    return {
        row["name"]: (b64decode(row["midi"]), json.loads(row["receipt"]))
        for row in pd.DataFrame(loops).to_dict("records")
    }


def test_the_code_of_a_served_model_needs_no_checkout() -> None:
    tree = ast.parse((ROOT / "tasks/serving/served_model.py").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    ours = {str(module).partition(".")[0] for module in modules} - sys.stdlib_module_names
    assert ours == {"mlflow", "pandas", "pydantic", "trapgen"}


def test_requirements_are_versions_of_the_lock_and_name_no_host(saved: Path) -> None:
    lines = (saved / "requirements.txt").read_text().splitlines()
    assert len(lines) == len(read_requirements()) > 15
    assert all("==" in line for line in lines)
    assert not any("://" in line or "--" in line for line in lines)


def test_the_signature_has_every_control_and_the_card_explains_it(model: Any, saved: Path) -> None:
    card = (saved / "artifacts/MODEL_CARD.md").read_text(encoding="utf-8")
    signature = str(model.metadata.signature)
    for name, definition in list_definitions("sample").items():
        assert f"{name}: " in signature
        assert f"| `{name}` |" in card
        assert definition.sentence in card
    assert model.predict(EXAMPLE)["name"].tolist() == ["trap-146bpm-3-00001"]


@pytest.mark.slow
def test_a_table_of_requests_gives_what_the_command_writes(model: Any, tmp_path: Path) -> None:
    # A table holds lists as text, whole numbers as 2.0 and what is missing as NaN.
    table = pd.DataFrame(
        [{"loops": 2, "bars": 2, "seed": 3, "require": "snare@3,kick@1"}, {"loops": 1, "bars": 1}]
    )
    answer = model.predict(table)
    assert answer["request"].tolist() == [0, 0, 1]
    options = ("--model", factory_folder(16), "--loops", 2, "--bars", 2, "--seed", 3)
    done = trapgen("generate", *options, "--require", "snare@3,kick@1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_answer(answer[answer["request"] == 0]) == read_files(tmp_path)


@pytest.mark.slow
def test_a_request_holds_the_content_of_its_files(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b64encode(PRIMER.read_bytes()).decode()
    monkeypatch.chdir(tmp_path)
    shutil.copy(PRIMER, "primer.mid")
    request = {"loops": 1, "bars": 1, "primer": content}
    options = ("--model", factory_folder(16), "--loops", 1, "--bars", 1)
    assert trapgen("generate", *options, "--primer", "primer.mid", "--out", "out").returncode == 0
    assert read_answer(model.predict([request])) == read_files(Path("out"))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"tempo": 3}, "key of sample must be one of loops, bars"),
        ({"bars": 4.5}, "sample.bars must be a whole number from 1 to 512 bars (received 4.5)"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"primer": str(PRIMER)}, "a served model opens no files"),
        ({"vary": str(PRIMER)}, "a served model opens no files"),
        ({"lock": ["kick"], "lock_from": "AAAA"}, "lock_from.mid: not_midi"),
        ({"loops": 1000, "bars": 64}, "must be at most 4,096 (received 64,000)"),
        ({"style": "polka"}, "sample.style must be one that the model knows"),
    ],
)
def test_a_request_is_refused_with_its_reason(
    model: Any, request_: dict[str, Any], reason: str
) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as refused:
        model.predict([request_])
    assert reason in refused.value.message
    assert refused.value.get_http_status_code() == 400


@pytest.mark.slow
def test_a_promoted_champion_answers_the_next_request(saved: Path, tmp_path: Path) -> None:
    import mlflow

    models = tmp_path / "models"
    shutil.copytree(factory_folder(32), models / "aa")
    model = mlflow.pyfunc.load_model(str(saved), model_config={"models": str(models)})
    request = [{"loops": 1, "bars": 1}]

    def find_grid() -> int:
        [(_, receipt)] = read_answer(model.predict(request)).values()
        return int(receipt["steps_per_bar"])

    assert find_grid() == 16
    (models / "champion").write_text("aa\n")
    assert find_grid() == 32
    (models / "champion").unlink()
    assert find_grid() == 16


@pytest.mark.servers
@pytest.mark.timeout(2400)
def test_mlflow_serves_200_requests(saved: Path, capsys) -> None:
    with start_mlflow(saved) as address:
        seconds = compare(address, factory_folder(16), 200)
    assert len(seconds["served"]) == 200
    with capsys.disabled():
        print()
        from rich.console import Console

        Console().print(show(seconds))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """`make serve` on a free port."""
    with start([sys.executable, "-m", "tasks.serving"], ROOT) as address:
        yield address


def draw_malformed(n: int) -> Iterator[bytes]:
    """Bodies of requests that no model can answer, each as wrong as the last."""
    rng = random.Random(0)
    names = list(list_definitions("sample"))
    yield from (
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in MALFORMED
    )
    for _ in range(n - len(MALFORMED)):
        request: dict[str, Any] = {"loops": 1, "bars": 1, "kick": rng.choice(WRONG)}
        if rng.random() < 0.7:
            # One that fits by chance does no harm beside an unknown key or a wrong one.
            request[rng.choice(names)] = rng.choice(WRONG)
        if rng.random() < 0.5:
            del request["kick"]
            request["seed"] = rng.choice([-1, 0.5, 2**32, "x", [], {}, True])
        body = json.dumps({"inputs": [request]}).encode()
        # Some are cut off.
        yield body[: rng.randrange(len(body))] if rng.random() < 0.2 else body


@pytest.mark.servers
@pytest.mark.timeout(1200)
def test_a_server_refuses_1000_malformed_requests_and_goes_on(server: str) -> None:
    statuses = {}
    for body in draw_malformed(1000):
        status, answer = post(server, body)
        statuses[body[:200]] = status, answer[:200]
    assert {found for found in statuses.values() if found[0] // 100 != 4} == set()
    assert post(server, b"kick", "text/plain")[0] == 415
    loops = ask(server, [{"loops": LOOPS, "bars": BARS}])
    assert [row["name"] for row in loops] == [
        f"trap-140bpm-0-0000{number}" for number in (1, 2, 3, 4)
    ]


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documented_request_is_answered(server: str) -> None:
    [block] = [each for each in read_blocks(PAGE) if each.programs == {"curl"}]
    commands = block.commands.replace("http://127.0.0.1:5001", server)
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, check=True)
    loops = json.loads(done.stdout)["predictions"]
    assert [row["name"] for row in loops] == ["trap-146bpm-3-00001", "trap-146bpm-3-00002"]


@pytest.mark.servers
@pytest.mark.timeout(1800)
def test_a_model_in_an_environment_of_its_own_writes_the_same_bytes(
    saved: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(saved, tmp_path / "moved")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "-r", moved / "requirements.txt"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution" not in done.stderr:
        pytest.skip(f"no package index: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    code = (
        "import json, sys, mlflow\n"
        "model = mlflow.pyfunc.load_model('moved')\n"
        "request = {'loops': 4, 'bars': 4, 'seed': 7, 'humanize': 0.5}\n"
        "json.dump(model.predict([request]).to_dict('records'), sys.stdout)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [python, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env={**environment, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    out = tmp_path / "out"
    options = ("--model", factory_folder(16), "--loops", 4, "--bars", 4, "--seed", 7)
    assert trapgen("generate", *options, "--humanize", 0.5, "--out", out).returncode == 0
    there, here = read_answer(json.loads(answer.stdout)), read_files(out)
    assert {name: midi for name, (midi, _) in there.items()} == {
        name: midi for name, (midi, _) in here.items()
    }

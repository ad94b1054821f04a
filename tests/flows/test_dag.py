import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from flows import dag
from trapgen.core import GateRefusedError, InputError, TrapgenError

ORDER = ["corpus", "audit", "train", "draw"]


def refresh_all(toy, load, **options) -> dict[str, str]:
    with dag.open_repo(toy.root) as repo:
        dag.record_packs(repo)
        nodes = dag.read_graph(repo)
    return {
        node.name: dag.refresh(toy.root, node.name, load(node.name).run, **options)[0]
        for node in nodes
    }


def why(toy, name: str) -> tuple[str, ...]:
    with dag.open_repo(toy.root) as repo:
        return dag.why_stale(repo, name)


def test_graph_has_the_stages_of_dvc_yaml_with_dvcs_edges(toy) -> None:
    with dag.open_repo(toy.root) as repo:
        nodes = dag.read_graph(repo)
    assert {node.name: node.upstream for node in nodes} == {
        "corpus": (),
        "audit": ("corpus",),
        "draw": ("corpus",),
        "train": ("audit", "corpus"),
    }


def test_graph_stands_in_the_order_in_which_dvc_repro_runs(toy) -> None:
    with dag.open_repo(toy.root) as repo:
        order = [node.name for node in dag.read_graph(repo)]
    toy.reproduce()
    assert order == toy.take_calls() == ORDER


EDITS = {
    "nothing": lambda toy: None,
    "a parameter": lambda toy: toy.edit("params.yaml", "epochs: 1", "epochs: 2"),
    "fewer files": lambda toy: toy.edit("params.yaml", "files: 2", "files: 1"),
    "a parameter, back": lambda toy: toy.edit("params.yaml", "epochs: 2", "epochs: 1"),
    "a pack": lambda toy: (toy.root / "packs/pack.txt").write_text("drill"),
    "an output lost": lambda toy: shutil.rmtree(toy.root / "data/raw"),
    "an output touched": lambda toy: (toy.root / "data/picture.txt").write_text("?"),
    "a metric lost": lambda toy: (toy.root / "data/audit.json").unlink(),
    "a dependency more": lambda toy: toy.edit(
        "dvc.yaml", "deps: [data/raw, data/audit.json]", "deps: [data/raw, data/audit.json, tasks]"
    ),
}


@pytest.mark.slow
def test_flow_and_dvc_repro_run_and_write_the_same_after_every_edit(make_toy, load_toy) -> None:
    by_flow, by_dvc = make_toy("flow"), make_toy("dvc")
    for name, edit in EDITS.items():
        edit(by_flow)
        edit(by_dvc)
        refresh_all(by_flow, load_toy)
        by_dvc.reproduce()
        assert (name, by_flow.take_calls()) == (name, by_dvc.take_calls())
        assert (name, by_flow.files()) == (name, by_dvc.files())
        assert (name, by_flow.status(), by_dvc.status()) == (name, {}, {})


def test_reasons_name_what_changed(toy, load_toy) -> None:
    assert why(toy, "train") == ("not recorded yet",)
    refresh_all(toy, load_toy)
    assert why(toy, "train") == ()
    toy.edit("params.yaml", "epochs: 1", "epochs: 2")
    toy.edit("dvc.yaml", "tasks train", "tasks  train")
    shutil.rmtree(toy.root / "data/model")
    (toy.root / "data/raw/0.txt").write_text("?")
    assert why(toy, "train") == (
        "data/raw modified",
        "params.yaml train modified",
        "output data/model deleted",
        "changed command",
    )


def test_changes_are_told_by_stage_and_pack_without_what_follows_from_them(built, load_toy) -> None:
    (built.root / "packs/pack.txt").write_text("drill")
    with dag.open_repo(built.root) as repo:
        assert dag.read_changes(repo) == {
            "packs/pack.txt.dvc": ("output packs/pack.txt modified",),
            "corpus": ("packs/pack.txt modified",),
        }


def test_a_body_starts_in_the_checkout_as_a_command_does(toy) -> None:
    before, folders = Path.cwd(), []
    with pytest.raises(TrapgenError):
        dag.refresh(toy.root, "corpus", lambda root: folders.extend([root, Path.cwd()]))
    assert folders == [toy.root, toy.root]
    assert Path.cwd() == before


def test_known_results_come_back_without_running_the_body(built, load_toy) -> None:
    before = built.files()
    built.edit("params.yaml", "epochs: 1", "epochs: 2")
    assert refresh_all(built, load_toy)["train"] == dag.RAN
    built.edit("params.yaml", "epochs: 2", "epochs: 1")
    built.take_calls()
    assert refresh_all(built, load_toy)["train"] == dag.RESTORED
    assert built.take_calls() == []
    assert built.files() == before


def test_force_runs_stages_that_are_current(built, load_toy) -> None:
    assert set(refresh_all(built, load_toy, force=True).values()) == {dag.RAN}
    assert built.take_calls() == ORDER
    assert built.status() == {}


@pytest.mark.parametrize("link", ["copy", "hardlink", "symlink"])
def test_a_body_cannot_reach_the_cache_through_its_old_outputs(toy, load_toy, link) -> None:
    with Repo(str(toy.root)) as repo, repo.config.edit() as config:
        config["cache"]["type"] = [link]
    refresh_all(toy, load_toy)
    before = toy.files()
    toy.edit("params.yaml", "epochs: 1", "epochs: 2")
    refresh_all(toy, load_toy)
    assert toy.files() != before
    toy.edit("params.yaml", "epochs: 2", "epochs: 1")
    assert refresh_all(toy, load_toy)["train"] == dag.RESTORED
    assert toy.files() == before


def test_a_persistent_output_is_there_when_the_body_runs(toy, load_toy) -> None:
    toy.edit("dvc.yaml", "outs: [data/model]", "outs: [{data/model: {persist: true}}]")
    refresh_all(toy, load_toy)
    toy.edit("params.yaml", "epochs: 1", "epochs: 2")
    found = []

    def resume(root: Path) -> None:
        found.extend(path.name for path in (root / "data/model").iterdir())
        load_toy("train").run(root)

    dag.refresh(toy.root, "train", resume)
    assert found == ["weights.txt"]
    assert toy.status() == {}


def test_a_failing_body_is_not_recorded_and_leaves_what_it_wrote(built, load_toy) -> None:
    before = built.files()
    built.edit("params.yaml", "limit: 3", "limit: 1")
    with pytest.raises(GateRefusedError):
        refresh_all(built, load_toy)
    assert built.files() == before  # the refused audit wrote the same report again
    assert list(built.status()) == ["audit"]
    (built.root / "data/audit.json").unlink()
    with pytest.raises(GateRefusedError):
        refresh_all(built, load_toy)
    assert built.files() == before


def test_an_output_that_the_body_forgets_is_named(toy, load_toy) -> None:
    with pytest.raises(TrapgenError, match=r"'.*data/raw' does not exist"):
        dag.refresh(toy.root, "corpus", lambda root: None)


def test_a_frozen_stage_never_runs(built, load_toy) -> None:
    built.edit(
        "dvc.yaml", "cmd: python -m tasks draw", "frozen: true\n    cmd: python -m tasks draw"
    )
    (built.root / "packs/pack.txt").write_text("drill")
    assert refresh_all(built, load_toy, force=True)["draw"] == dag.CACHED
    assert "draw" not in built.take_calls()


def test_a_lost_pack_is_named_with_the_way_to_get_it_back(toy, load_toy) -> None:
    (toy.root / "packs/pack.txt").unlink()
    with pytest.raises(InputError, match=r"^packs/pack\.txt: missing_pack .* `dvc checkout packs/"):
        refresh_all(toy, load_toy)
    assert toy.dvc("checkout", "packs/pack.txt.dvc").returncode == 0
    assert refresh_all(toy, load_toy)["corpus"] == dag.RAN


def test_dvc_repro_keeps_off_a_stage_that_runs(toy, load_toy) -> None:
    runs = []

    def run(root: Path) -> None:
        runs.append(toy.dvc("repro", "corpus"))
        load_toy("corpus").run(root)

    dag.refresh(toy.root, "corpus", run)
    assert runs[0].returncode != 0
    assert f"(PID {os.getpid()})" in runs[0].stderr
    assert toy.take_calls() == ["corpus"]
    assert "corpus" not in toy.status()


def test_a_stage_that_another_process_runs_is_left_alone(toy, load_toy) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        holder = {"pid": other.pid, "cmd": "dvc repro"}
        lock = {"write": {str(toy.root / "data/raw"): holder}, "read": {}}
        (toy.root / ".dvc/tmp/rwlock").write_text(json.dumps(lock))
        with pytest.raises(TrapgenError, match=rf"\(PID {other.pid}\): dvc repro"):
            dag.refresh(toy.root, "corpus", load_toy("corpus").run)
        other.communicate(b"\n")
    assert toy.take_calls() == []


@pytest.mark.parametrize("folder", ["packs", "..", "nowhere"])
def test_a_folder_that_is_no_checkout_is_refused(toy, folder: str) -> None:
    with (
        pytest.raises(InputError, match="not_a_checkout") as caught,
        dag.open_repo(toy.root / folder),
    ):
        pass
    assert caught.value.exit_code == 3

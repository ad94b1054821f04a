"""A stage reruns when code or parameters that it uses change, and for nothing else."""

import ast
import functools
import inspect
from collections.abc import Iterable, Iterator
from contextlib import chdir, nullcontext
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grimp
import pytest
import yaml
from dvc.repo import Repo

from tasks.places import read_params
from tasks.stage import load_stage
from tests.tasks.checkout import ROOT, change_params, make_checkout
from trapgen.core import Params, SampleParams, repeat_to

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
CODE = ("tasks/", "trapgen/")
# A stage depends on the values of its parameters, by key: not on what defines and explains them.
DEFINITIONS = "trapgen/core/params/"
# The face is for users: its names load when they are asked for, which no stage does.
FACE = "trapgen.api"
# The page in front of the checks is no output: a stage is not stale when it is drawn another way.
PAGE = "tasks.checks.page"
DEPENDENCIES = [
    (stage, dependency)
    for stage, entry in STAGES.items()
    for dependency in entry["deps"]
    if dependency.startswith(CODE)
]


def outs(entry: dict[str, Any]) -> Iterator[Iterable[str]]:
    """The paths of a stage's outputs and metrics, some of which have options."""
    for out in [*entry["outs"], *entry.get("metrics", ())]:
        yield out if isinstance(out, dict) else [out]


@functools.cache
def find_code(stage: str) -> frozenset[str]:
    """The files of all modules that `python -m tasks STAGE` may import, lazily or not."""
    graph = grimp.build_graph(
        "tasks", "trapgen", exclude_type_checking_imports=True, cache_dir=None
    )
    found: set[str] = set()
    waiting = {"tasks.__main__", f"tasks.{stage}"}
    while waiting:
        found.add(module := waiting.pop())
        if module == PAGE:
            continue
        imported = set(graph.find_modules_directly_imported_by(module)) - {FACE}
        # A package's own module runs before any module in it.
        waiting |= (imported | {module.rpartition(".")[0]}) - found - {""}
    return frozenset(filter(_has_code, map(_find_file, found)))


def _find_file(module: str) -> str:
    path = Path(*module.split("."))
    return str(path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py"))


def _has_code(file: str) -> bool:
    # More than a docstring.
    return any(not isinstance(node, ast.Expr) for node in ast.parse((ROOT / file).read_text()).body)


def find_holes(stage: str, dependencies: list[str]) -> list[str]:
    """The files of the stage's code that none of the dependencies is or holds."""
    return sorted(
        file
        for file in find_code(stage)
        if not file.startswith(DEFINITIONS)
        and not any(file == each or file.startswith(f"{each}/") for each in dependencies)
    )


def test_only_the_command_asks_the_package_for_a_name() -> None:
    graph = grimp.build_graph(
        "tasks", "flows", "trapgen", exclude_type_checking_imports=True, cache_dir=None
    )
    assert graph.find_modules_that_directly_import("trapgen") == {"trapgen.cli.app"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_code_that_it_runs(stage: str) -> None:
    assert find_holes(stage, STAGES[stage]["deps"]) == []


@pytest.mark.parametrize(("stage", "dependency"), DEPENDENCIES)
def test_a_dependency_taken_out_leaves_a_hole(stage: str, dependency: str) -> None:
    left = [each for each in STAGES[stage]["deps"] if each != dependency]
    assert find_holes(stage, left)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose stages DVC takes to be current; their outputs are stand-ins."""
    folder = make_checkout(tmp_path_factory.mktemp("recorded"))
    paths = {
        path
        for entry in STAGES.values()
        for path in [*entry["deps"], *chain.from_iterable(outs(entry))]
    }
    for path in sorted(paths, reverse=True):
        if not (place := folder / path).exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch() if place.suffix else place.mkdir()
    with Repo(str(folder)) as repo, chdir(folder):
        repo.commit(force=True)
    return folder


@pytest.fixture
def edit(recorded: Path) -> Iterator[Any]:
    """Edit a file of that checkout; it is as before when the test ends."""
    before: dict[Path, str] = {}

    def append(file: Path | str) -> set[str]:
        """The stages that are stale once the file ends in another line."""
        path = recorded / file
        before[path] = path.read_text()
        path.write_text(before[path] + "\n# edited\n")
        with Repo(str(recorded)) as repo, chdir(recorded):
            return set(repo.status())

    yield append
    for path, text in before.items():
        path.write_text(text)


def place_of(thing: object) -> Path:
    file = inspect.getsourcefile(thing)
    return Path(file).relative_to(ROOT)


def test_another_way_to_repeat_a_loop_reruns_augment_and_all_behind_it(edit) -> None:
    behind = list(STAGES)[list(STAGES).index("augment") :]
    assert behind == ["augment", "audit", "encode", "train", "sample", "evaluate"]
    assert set(behind) <= edit(place_of(repeat_to))


def test_code_of_one_stage_reruns_that_stage(edit) -> None:
    assert edit("tasks/split.py") == {"split"}


def test_how_loops_sound_and_look_is_no_reason_to_train(edit) -> None:
    stale = edit("trapgen/render/__init__.py")
    assert {"sample", "evaluate"} <= stale
    assert "train" not in stale


@pytest.mark.parametrize(
    "file",
    [place_of(SampleParams), "trapgen/cli/app.py", "trapgen/ingest/starter/README.md"],
    ids=["parameters", "command", "readme"],
)
def test_another_help_text_reruns_nothing(edit, file: Path | str) -> None:
    assert edit(file) == set()


def test_dvc_sees_all_code_but_the_definitions_of_parameters(recorded: Path) -> None:
    with Repo(str(recorded)) as repo:
        unseen = {
            str(path.relative_to(recorded))
            for folder in CODE
            for path in (recorded / folder).rglob("*")
            if path.is_file() and path.suffix != ".md" and repo.dvcignore.is_ignored_file(str(path))
        }
    definitions = {
        str(path.relative_to(ROOT)) for path in (ROOT / DEFINITIONS).iterdir() if path.is_file()
    }
    assert unseen == definitions


def watch(params: Params, values: dict[str, Any], read: set[str]) -> Params:
    """Parameters that note which keys of `params.yaml` are read."""

    def watched(part: Any, keys: dict[str, str]) -> Any:
        def get(self: Any, name: str) -> Any:
            if name in keys:
                read.add(keys[name])
            return object.__getattribute__(self, name)

        kind = type(part)
        body = {"__slots__": (), "__getattribute__": get}
        object.__setattr__(part, "__class__", type(kind.__name__, (kind,), body))
        return part

    for section in values.keys() - {"seed"}:
        keys = {key: f"{section}.{key}" for key in values[section]}
        # The grid is everybody's: `standardize` gets a copy.
        keys["steps_per_bar"] = "grid.steps_per_bar"
        watched(getattr(params, section), keys)
    return watched(params, {"seed": "seed"})


@pytest.mark.slow
def test_a_stage_names_the_parameters_that_it_reads_and_no_others(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # MLflow is told all parameters: its record is no result.
    tracked = SimpleNamespace(
        **{f"log_{what}": lambda *_: None for what in ("epoch", "humanizer", "best")}
    )
    monkeypatch.setattr("tasks.train.TrainingRun", lambda *_: nullcontext(tracked))
    monkeypatch.setattr("tasks.sample.track_samples", lambda *_: None)
    monkeypatch.setattr("tasks.evaluate.track_evaluation", lambda *_: None)
    read: dict[str, set[str]] = {stage: set() for stage in STAGES}

    def run_watched(stage: str) -> None:
        values = yaml.safe_load((checkout / "params.yaml").read_text())
        params = watch(read_params(checkout), values, read[stage])
        monkeypatch.setattr(f"tasks.{stage}.read_params", lambda _: params)
        load_stage(stage).run(checkout)

    for stage in STAGES:
        run_watched(stage)
    # Under this protocol loops are dealt to sides when they have been recombined.
    change_params(checkout, {"split": {"protocol": "by_file"}})
    run_watched("split")
    run_watched("augment")
    unnamed, unread = {}, {}
    for stage, keys in read.items():
        named = {
            name: {key for key in keys if f"{key}.".startswith(f"{name}.")}
            for name in STAGES[stage]["params"]
        }
        unnamed[stage] = keys.difference(*named.values())
        unread[stage] = [name for name, found in named.items() if not found]
    assert unnamed == {stage: set() for stage in STAGES}
    assert unread == {stage: [] for stage in STAGES}

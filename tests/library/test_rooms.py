"""The library's rooms: which there are, how they are entered, how long a function may be."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import networkx
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = [
    *("audit", "cli", "core", "dataset", "evaluate", "factory", "generate", "ingest", "midi"),
    *("model", "render", "report", "similarity"),
]
CODE = ("trapgen", "training", "tasks", "flows", "bench", "experiments", "fuzz")
# Errors alone: the command starts without numpy, which core's face brings; and the public face.
LIGHT = {"trapgen.core.errors", "trapgen.api"}
FILES = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_thirteen_rooms_stand_at_the_top() -> None:
    folders = (path for path in (ROOT / "trapgen").iterdir() if path.name != "__pycache__")
    assert sorted(path.name for path in folders if path.is_dir()) == ROOMS
    assert sorted(path.name for path in (ROOT / "trapgen").glob("*.py")) == [
        "__init__.py",
        "api.py",
    ]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_room_is_entered_by_a_face(path: Path) -> None:
    own = path.relative_to(ROOT).parts[:2]
    modules = {
        node.module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trapgen.")
    }
    entered = (ROOT / Path(*module.split(".")) for module in modules - LIGHT)
    inside = [
        each for each in entered if not each.is_dir() and each.relative_to(ROOT).parts[:2] != own
    ]
    assert inside == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_short_and_signatures_too(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
            n_parameters = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
            assert n_lines <= 80, node.name
            assert n_parameters <= 12, node.name


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(
        "trapgen", "training", "tasks", "flows", exclude_type_checking_imports=True, cache_dir=None
    )
    imports = networkx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    circles = [found for found in networkx.strongly_connected_components(imports) if len(found) > 1]
    assert circles == []

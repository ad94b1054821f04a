"""Pages of the site that the code writes: the command's help, and the reference of each room.

mkdocs calls the functions here while it builds (`hooks` in `mkdocs.yml`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from click.testing import CliRunner
from mkdocs.structure.files import File, Files

from trapgen.cli import app

ROOT: Final = Path(__file__).parents[1]
LIBRARY: Final = ROOT / "trapgen"
HELP_WIDTH: Final = 88

COMMAND_PAGE: Final = """\
# The command

Every verb works on files alone, without the pipeline. Results go to files and, with `--json`, as
one object to standard output; progress and messages go to standard error. Every parameter of a
stage is an option of its verb, with the pipeline's default.

No verb writes among the files that it reads, or over a file with other bytes unless `--overwrite`
is given. The same command again changes nothing. A full disk or a folder that cannot be written
ends a run with one sentence, and what was there stays.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 2 | wrong usage |
| 3 | bad input |
| 4 | a gate refused |
| 1 | anything else |

The rest of this page is what `--help` prints, verb by verb.
"""


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that no one writes by hand."""
    pages = {"command": write_command_page(), "trapgen": write_room_page("trapgen")}
    for face in sorted(LIBRARY.glob("*/__init__.py")):
        pages[face.parent.name] = write_room_page(f"trapgen.{face.parent.name}")
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def write_command_page() -> str:
    """What `trapgen --help` and each verb's `--help` print."""
    lines = [COMMAND_PAGE]
    for names in list_verbs(app):
        command = " ".join(["trapgen", *names])
        printed = CliRunner().invoke(
            app, [*names, "--help"], prog_name="trapgen", terminal_width=HELP_WIDTH
        )
        lines += [f"## {command}", "", "```text", printed.output.rstrip(), "```", ""]
    return "\n".join(lines)


def list_verbs(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The command itself, its verbs and theirs, each as the words that call it."""
    yield above
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from list_verbs(command, (*above, name))
        else:
            yield (*above, name)


def write_room_page(module: str) -> str:
    """The names that a room's face gives, with their docstrings."""
    face = ROOT.joinpath(*module.split("."), "__init__.py")
    names = list_names(ast.parse(face.read_text(encoding="utf-8")))
    lines = [f"# {module}", "", f"::: {module}", "    options:", "      members:"]
    return "\n".join([*lines, *(f"        - {name}" for name in names), ""])


def list_names(face: ast.Module) -> list[str]:
    """What a face imports or defines for others, in its order."""
    names: list[str] = []
    for node in ast.walk(face):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith("trapgen"):
                names += [alias.asname or alias.name for alias in node.names]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
                names.append(name)
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]

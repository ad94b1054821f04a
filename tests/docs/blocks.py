"""Fenced blocks of the README and of the documentation, and how each is run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

SHELL = ("sh", "bash", "console")
SHOWN = ("text", "yaml", "json", "csv")
"""Languages of blocks that are read and not run."""

PROGRAMS = {"cd", "dvc", "git", "ls", "mkdir", "trapgen"}
"""What a block may call; another program needs a reason why the block is not run."""

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = re.compile(r"not run: (\S.*)")
_EXITS = re.compile(r"exits with (\d+)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The file that it stands in, relative to the checkout.
        line: Where it starts.
        language: What follows the fence.
        text: Its lines, without indentation.
        reason: Why it is not run; empty if it is.
        code: The exit code that its last command ends with.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str = ""
    code: int = 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_shell(self) -> bool:
        return self.language in SHELL

    @property
    def is_run(self) -> bool:
        return not self.reason and (self.is_shell or self.language == "python")

    @property
    def commands(self) -> str:
        """What a shell reads: of a `console` block the lines behind the prompt."""
        if self.language != "console":
            return self.text
        prompted = (line[2:] for line in self.text.splitlines() if line.startswith("$ "))
        return "\n".join(prompted) + "\n"

    @property
    def programs(self) -> set[str]:
        """The first word of every command."""
        joined = self.commands.replace("\\\n", " ").splitlines()
        lines = (shlex.split(line, comments=True) for line in joined)
        return {words[0] for words in lines if words}


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a page, in their order."""
    text = path.read_text(encoding="utf-8")
    return [
        _read(path.relative_to(ROOT).as_posix(), text, found) for found in _FENCE.finditer(text)
    ]


def _read(page: str, text: str, found: re.Match[str]) -> Block:
    mark = found["mark"] or ""
    reason, code = _NOT_RUN.fullmatch(mark), _EXITS.fullmatch(mark)
    indent = len(found["indent"])
    return Block(
        page,
        text.count("\n", 0, found.start("language")) + 1,
        found["language"].strip(),
        "".join(line[indent:] or "\n" for line in found["body"].splitlines(keepends=True)),
        reason[1] if reason else "",
        int(code[1]) if code else 0,
    )

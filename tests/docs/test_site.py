"""The documentation builds without a warning, loads nothing from elsewhere, and is up to date."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.draw_rooms import draw
from tests.docs.blocks import PAGES, ROOT

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
_LOADED = re.compile(r"<(?:script|img|iframe)[^>]* src=\"(?:https?:)?//[^\"]*\"")
_STYLED = re.compile(r"<link[^>]* rel=\"(?:stylesheet|preconnect|preload)\"[^>]*>")


def test_the_pictures_of_the_rooms_are_what_the_code_gives() -> None:
    stale = [path.name for path, text in draw().items() if path.read_text("utf-8") != text]
    assert not stale, "draw them again: python -m docs.draw_rooms"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    # What the code writes is there once the site is built.
    missing = [link for link in links if not (page.parent / link).exists()]
    assert [link for link in missing if "reference/" not in link] == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing(tmp_path: Path) -> None:
    for module in ("material", "mkdocstrings_handlers"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"no {module}: the extra `docs` is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert {"command.html", "generate.html", "tutorial.html"} <= {page.name for page in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not _LOADED.search(text), page.name
        assert not [tag for tag in _STYLED.findall(text) if "//" in tag], page.name

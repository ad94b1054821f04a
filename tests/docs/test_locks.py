"""The locks by group hold the same versions, and name no place to load from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUPS = ("core", "dev")
_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(.*?) \\$", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def read_pins(group: str) -> set[tuple[str, str]]:
    text = (ROOT / "requirements" / f"{group}.lock").read_text(encoding="utf-8")
    return {(name, version) for name, version, _ in _PIN.findall(text)}


def normalize(requirement: str) -> str:
    """The name as a lock has it (PEP 503)."""
    found = _NAME.match(requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def test_packages_of_both_locks_have_the_same_versions() -> None:
    assert read_pins("core") <= read_pins("dev")


@pytest.mark.parametrize("group", GROUPS)
def test_a_lock_holds_what_the_project_asks_for(group: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = list(project["dependencies"])
    if group == "dev":
        for extra in project["optional-dependencies"].values():
            asked += extra
    names = {normalize(requirement) for requirement in asked} - {"trapgen"}
    assert names <= {name for name, _ in read_pins(group)}


@pytest.mark.parametrize("group", GROUPS)
def test_a_lock_has_hashes_and_no_address(group: str) -> None:
    text = (ROOT / "requirements" / f"{group}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []

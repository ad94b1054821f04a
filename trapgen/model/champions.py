"""Models that were judged: versions, the one in use, and the ledger of who was champion when.

    data/models/VERSION/     a model's folder, copied when it was judged
    data/models/champion     one line, the version in use
    data/models/ledger.csv   a row per decision, oldest first; rows are only added

The ledger is the truth: it is written first, and `settle` brings `champion` in line with it after
an interruption. A reader reads the one line and then a folder that never changes, so the model in
use is never missing or mixed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from trapgen.core import (
    LEDGER,
    InputError,
    ModelError,
    TableError,
    flush_all,
    hash_files,
    make_table,
    read_input,
    read_table,
    write_table,
    write_text,
)
from trapgen.model.humanizer.files import HUMANIZER_FILES
from trapgen.model.words.files import hash_model, load_network
from trapgen.similarity import INDEX_FILES

CANDIDATE: Final = Path("data/model")
MODELS: Final = Path("data/models")

PROMOTED: Final = "promoted"
DECLINED: Final = "declined"
ROLLED_BACK: Final = "rolled back"

LEDGER_FILE: Final = "ledger.csv"

_CHAMPION: Final = "champion"
_PART: Final = ".part-"
_VERSION: Final = re.compile(r"[0-9a-z][0-9a-z-]*")


def find_model_in_use(root: Path) -> tuple[Path, str] | None:
    """The model that a checkout generates with, and what it is: `champion` or `candidate`.

    Args:
        root: The checkout.

    Returns:
        Its folder; None if no model was trained here.

    Raises:
        ModelError: `champion` names a version that is not there.
    """
    if version := read_champion(root / MODELS):
        folder = root / MODELS / version
        if not folder.is_dir():
            detail = "Restore its folder, or `trapgen-ops rollback`."
            raise ModelError(root / MODELS / _CHAMPION, "no_model", version, detail)
        return folder, "champion"
    if (root / CANDIDATE / "model.json").is_file():
        return root / CANDIDATE, "candidate"
    return None


def hash_data(folder: Path) -> str:
    """Hash of a model's training index and humanizer, sixteen hex digits.

    Raises:
        ModelError: A file is missing.
    """
    try:
        return hash_files(*(folder / name for name in (*INDEX_FILES, *HUMANIZER_FILES)))
    except TableError as error:
        detail = "Train the model again."
        raise ModelError(error.path, error.rule, error.received, detail) from error


def name_version(folder: Path) -> str:
    """Name of a model: the hash of its weights, and eight digits of `hash_data`.

    Receipts name both.

    Raises:
        ModelError: A file is missing or broken.
    """
    return f"{hash_model(load_network(folder))}-{hash_data(folder)[:8]}"


def read_champion(models: Path) -> str:
    """The version in use; empty if none was promoted.

    Raises:
        ModelError: The file holds no version's name.
    """
    path = models / _CHAMPION
    if not path.exists():
        return ""
    version = read_input(path, ModelError, max_bytes=1000).decode("utf-8", "replace").strip()
    if version and not _VERSION.fullmatch(version):
        raise ModelError(path, "version", version, "It is one line, a folder's name beside it.")
    return version


def store_version(models: Path, folder: Path) -> str:
    """Copy a model's folder to `models` under its version; what is there already stays.

    Raises:
        ModelError: A file is missing or broken.
    """
    version = name_version(folder)
    target = models / version
    # What an interruption left of a copy, or of a removal.
    for left in models.glob(f"{_PART}*"):
        shutil.rmtree(left, ignore_errors=True)
    if not target.is_dir():
        # A folder appears whole: it is copied under another name first.
        part = models / f"{_PART}{version}"
        shutil.copytree(folder, part)
        flush_all(part)
        part.rename(target)
    return version


def read_ledger(models: Path) -> list[dict[str, str]]:
    """The rows of the ledger, oldest first; none if no model was judged.

    Raises:
        TableError: The file is not a ledger.
    """
    path = models / LEDGER_FILE
    if not path.exists():
        return []
    table = read_table(path, LEDGER)
    return [{str(key): str(row[key]) for key in row} for row in table.to_dict("records")]


def add_to_ledger(models: Path, row: Mapping[str, str]) -> None:
    """Add a row to the ledger, then put `champion` in line with it.

    Raises:
        TableError: The file is not a ledger.
    """
    rows = [*read_ledger(models), {**dict.fromkeys(LEDGER, ""), **row}]
    write_table(models / LEDGER_FILE, make_table(rows, LEDGER), LEDGER)
    settle(models)


def settle(models: Path) -> None:
    """Put `champion` in line with the ledger's last row, as after an interruption."""
    ledger = read_ledger(models)
    in_force = ledger[-1]["champion"] if ledger else ""
    if in_force and in_force != read_champion(models):
        write_text(models / _CHAMPION, f"{in_force}\n")


def find_previous(models: Path) -> str:
    """The champion before the one in use, for a rollback.

    Rolling back twice goes back twice: what was rolled back from does not count.

    Raises:
        InputError: There was none.
    """
    reign: list[str] = []
    for row in read_ledger(models):
        if row["event"] == PROMOTED:
            reign.append(row["champion"])
        elif row["event"] == ROLLED_BACK:
            reign.pop()
    if len(reign) < 2:
        received = f"{len(reign)} champions"
        raise InputError(
            models / LEDGER_FILE, "no_previous", received, "There is none to return to."
        )
    return reign[-2]


def roll_back(models: Path, reason: str, now: datetime | None = None) -> tuple[str, str]:
    """Put the previous champion back in use, as a row of the ledger.

    Args:
        models: The folder of versions.
        reason: A line for the ledger.
        now: By default the present.

    Returns:
        The version in use, and the one that was.

    Raises:
        InputError: There was no champion before.
    """
    previous, champion = find_previous(models), read_champion(models)
    row = {
        "when": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "event": ROLLED_BACK,
        "version": champion,
        "champion": previous,
        "previous": champion,
        "reason": reason,
    }
    add_to_ledger(models, row)
    return previous, champion


def prune(models: Path, n_kept: int, days: float, now: datetime | None = None) -> list[str]:
    """Remove versions that never were champion, were judged long ago, and are not the newest.

    Args:
        models: The folder of versions.
        n_kept: Number of such versions that stay, newest first, whatever their age.
        days: Age up to which all stay.
        now: By default the present.

    Returns:
        The removed versions.
    """
    ledger = read_ledger(models)
    champions = {row["champion"] for row in ledger} | {read_champion(models)}
    judged = {row["version"]: row["when"] for row in ledger}
    others = sorted(
        (version for version in judged if version not in champions and (models / version).is_dir()),
        key=judged.__getitem__,
        reverse=True,
    )
    oldest = (now or datetime.now(UTC)) - timedelta(days=days)
    gone = [each for each in others[n_kept:] if datetime.fromisoformat(judged[each]) < oldest]
    for version in gone:
        # It disappears whole, too.
        part = (models / version).rename(models / f"{_PART}{version}")
        shutil.rmtree(part)
    return gone

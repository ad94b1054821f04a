"""MLflow's registry as a mirror of the ledger: versions with what was decided, and two aliases.

`data/models/ledger.csv` is the truth. The registry can be deleted: `mirror_ledger` makes it again.
What it has mirrored last stands beside MLflow's store, so that an interruption is noticed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tasks.places import TRACKING
from tasks.tracking.model_run import open_run
from tasks.tracking.results import STANDINGS, describe_verdict
from tasks.tracking.store import connect, find_home
from trapgen.core import InputError, hash_files, write_text
from trapgen.model import LEDGER_FILE, MODELS, PROMOTED, find_previous, read_champion, read_ledger

NAME: Final = "trapgen"
CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
VERSION_TAG: Final = "trapgen.version"

_MIRRORED: Final = TRACKING / "mirrored"
"""One line: the hash of the ledger that the registry shows."""


def is_mirrored(root: Path) -> bool:
    """Whether the registry shows the ledger as it is; no after an interruption."""
    ledger, mark = root / MODELS / LEDGER_FILE, find_home(root) / _MIRRORED
    if not ledger.is_file():
        return True
    return mark.is_file() and mark.read_text(encoding="utf-8").strip() == hash_files(ledger)


def mirror_ledger(root: Path) -> list[str]:
    """Bring the registry in line with the ledger; the versions that were added to it.

    A version whose folder is gone and that no run of MLflow holds is left out.

    Args:
        root: The checkout.
    """
    from mlflow.exceptions import MlflowException

    mlflow = connect(root)
    client = mlflow.MlflowClient()
    try:
        client.get_registered_model(NAME)
    except MlflowException:
        client.create_registered_model(
            NAME, description="Models that were judged; the ledger is data/models/ledger.csv."
        )
    numbers = {
        found.tags[VERSION_TAG]: found.version
        for found in client.search_model_versions(f"name = '{NAME}'")
        if VERSION_TAG in found.tags
    }
    added = []
    decisions: dict[str, list[str]] = {}
    for row in read_ledger(root / MODELS):
        when = row["when"][:16].replace("T", " ")
        decisions.setdefault(row["version"], []).append(
            f"{row['event'].capitalize()}: {row['reason']} ({when} UTC)"
        )
    for version, lines in decisions.items():
        folder = root / MODELS / version
        if version not in numbers and folder.is_dir():
            numbers[version] = _register(root, mlflow, folder)
            added.append(version)
        if version in numbers:
            client.update_model_version(NAME, numbers[version], description="\n\n".join(lines))
            standing = _find_standing(root, version)
            describe_verdict(root, version.partition("-")[0], standing, lines[-1])
    _point(client, root, numbers)
    if (ledger := root / MODELS / LEDGER_FILE).is_file():
        write_text(find_home(root) / _MIRRORED, f"{hash_files(ledger)}\n")
    return added


def _find_standing(root: Path, version: str) -> str:
    """One of `STANDINGS`."""
    champion, former, declined = STANDINGS
    if version == read_champion(root / MODELS):
        return champion
    was = any(row["champion"] == version for row in read_ledger(root / MODELS))
    return former if was else declined


def _register(root: Path, mlflow: Any, folder: Path) -> str:
    """Number of a new version in the registry, whose files are those of its run."""
    version = folder.name
    model = version.partition("-")[0]
    run = mlflow.get_run(open_run(root, mlflow, model, folder))
    (output, *_) = run.outputs.model_outputs
    made = mlflow.MlflowClient().create_model_version(
        NAME,
        source=f"models:/{output.model_id}",
        run_id=run.info.run_id,
        tags={VERSION_TAG: version},
        model_id=output.model_id,
    )
    return str(made.version)


def _point(client: Any, root: Path, numbers: dict[str, str]) -> None:
    """Set the aliases to the champion and to the one before it."""
    wanted = {CHAMPION: read_champion(root / MODELS), PREVIOUS: ""}
    if any(row["event"] == PROMOTED for row in read_ledger(root / MODELS)):
        try:
            wanted[PREVIOUS] = find_previous(root / MODELS)
        except InputError:
            wanted[PREVIOUS] = ""
    known = client.get_registered_model(NAME).aliases
    for alias, version in wanted.items():
        if version in numbers:
            client.set_registered_model_alias(NAME, alias, numbers[version])
        elif alias in known:
            client.delete_registered_model_alias(NAME, alias)

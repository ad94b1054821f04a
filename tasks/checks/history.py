"""The history of the checks: a file-backed great_expectations context that outlives the stages.

It lies in `data/checks`, outside the outputs of every stage: DVC removes those before a stage runs,
and hashes them, so that nothing dated may stand in them. `gx/uncommitted/validations` holds a
result a table and run, with the rows that break a rule; `gx/uncommitted/data_docs` shows one each.
The page in front, which needs no network, is written by `tasks.checks.page`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from trapgen.core import TableError, write_text

if TYPE_CHECKING:
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import FileDataContext
    from great_expectations.data_context.store.store import DataDocsSiteConfigTypedDict

KEPT_RUNS: Final = 20
"""The newest runs of each stage that stay."""

RESULTS: Final = Path("gx/uncommitted/validations")
"""Where the results lie in the folder of the history, as `SUITE/STAGE/TIME/STAGE-SUITE.json`."""

DATA_DOCS: Final = Path("gx/uncommitted/data_docs/local_site")
"""Where the Data Docs lie there; `validations/` has a page a result, under the result's path."""

_SITE: Final = "local_site"
_TO_FRONT: Final = (
    '<!doctype html><meta http-equiv="refresh" content="0; url=../../../../index.html">'
)


@contextmanager
def open_history(folder: Path) -> Iterator[FileDataContext]:
    """Open the context in `folder`, made where there is none; other processes wait.

    Raises:
        TableError: great_expectations cannot read its settings there.
    """
    # It reads this once, at its import.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        try:
            with warnings.catch_warnings():
                # Settings made again beside results are meant.
                warnings.filterwarnings("ignore", "Warning. An existing `config_variables.yml`")
                context = gx.get_context(mode="file", project_root_dir=folder)
        except (gx.exceptions.GreatExpectationsError, ValueError, TypeError) as error:
            settings = folder / "gx" / "great_expectations.yml"
            advice = "Delete it: it is made again, and the results stay."
            raise TableError(settings, "unreadable", error, advice) from error
        _set_up(context)
        yield context


def _set_up(context: FileDataContext) -> None:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    site: dict[str, Any] = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": "uncommitted/data_docs/local_site/",
        },
        # Nothing is profiled; looking for it reads the store again.
        "site_section_builders": {"profiling": "None"},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    if (context.variables.data_docs_sites or {}).get(_SITE) != site:
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        context.enable_analytics(False)
        # The type lacks some of the keys that are read.
        context.update_data_docs_site(_SITE, cast("DataDocsSiteConfigTypedDict", site))


def show_run(context: FileDataContext, run: RunIdentifier) -> None:
    """Write the Data Docs of a run, and let go of what is older than the newest `KEPT_RUNS`."""
    # Its methods have no types.
    store: Any = context.validation_results_store
    root = Path(context.root_directory).parent
    keys = [key for key in store.list_keys() if key.run_id.run_name == run.run_name]
    old = sorted({key.run_id.run_time for key in keys}, reverse=True)[KEPT_RUNS:]
    for key in keys:
        if key.run_id.run_time in old:
            store.remove_key(key)
            parts = (*key.expectation_suite_identifier.to_tuple(), *key.run_id.to_tuple())
            place = root / DATA_DOCS / Path("validations", *parts)
            (place / f"{key.batch_identifier}.html").unlink(missing_ok=True)
    shown = [key for key in keys if key.run_id == run]
    suites = [key.expectation_suite_identifier for key in shown]
    # The index of great_expectations is drawn by scripts from the network, and reads all results.
    for resources in (suites, shown):
        context.build_data_docs(resource_identifiers=resources, build_index=False)
    # Their pages lead back to an index.
    write_text(root / DATA_DOCS / "index.html", _TO_FRONT)
    if old:
        _remove_empty_folders(Path(context.root_directory, "uncommitted"))


def _remove_empty_folders(root: Path) -> None:
    for place in sorted(root.rglob("*"), reverse=True):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()

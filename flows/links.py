"""Where to read more about a run: reports, and the model's run in MLflow."""

import os
from pathlib import Path
from typing import Final

from prefect.artifacts import create_markdown_artifact

from tasks.places import AUDIT, MODEL, REPORTS
from trapgen.core import ModelError

_PAGES: Final = {"overlap report": AUDIT, "evaluation report": REPORTS}


def find_links(root: Path) -> dict[str, str]:
    """What to read, by name: the pages that there are, the model's hash, its run in MLflow."""
    from trapgen.model import hash_model, load_network

    root = root.resolve()
    pages = {name: root / folder / "report.html" for name, folder in _PAGES.items()}
    links = {name: page.as_uri() for name, page in pages.items() if page.is_file()}
    try:
        model = hash_model(load_network(root / MODEL))
    except ModelError:  # no stage has written one yet
        return links
    from tasks.tracking.store import MODEL_TAG

    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    where = server if server.startswith("http") else "make ui"
    return links | {"model": model, "MLflow": f"{where}, search for tags.`{MODEL_TAG}` = '{model}'"}


def publish_links(root: Path) -> None:
    """Write the links to an artifact of the flow run."""
    if links := find_links(root):
        # As text to copy: a browser opens no file from a server's page.
        text = "\n".join(f"- {name}: `` {link} ``" for name, link in links.items())
        create_markdown_artifact(text, key="links", description="Where to read more.")

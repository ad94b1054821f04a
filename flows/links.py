"""Where to read more about a run: reports, and the model's run in MLflow."""

import os
from pathlib import Path
from typing import Final

from prefect.artifacts import create_markdown_artifact

from tasks.places import AUDIT, MODEL, REPORTS
from trapgen.core import ModelError

_PAGES: Final = {"overlap report": AUDIT, "evaluation report": REPORTS}


def find_links(root: Path) -> dict[str, str]:
    """Links by name: the pages that there are, and how MLflow finds the model's run."""
    from trapgen.model import hash_model, load_network

    root = root.resolve()
    pages = {name: root / folder / "report.html" for name, folder in _PAGES.items()}
    links = {name: page.as_uri() for name, page in pages.items() if page.is_file()}
    try:
        model = hash_model(load_network(root / MODEL))
    except ModelError:  # no stage has written one yet
        return links
    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    links["model"] = model
    links["MLflow"] = server if server.startswith("http") else "`make ui`"
    return links


def publish_links(root: Path) -> None:
    """Write the links to an artifact of the flow run."""
    links = find_links(root)
    lines = [f"- {name}: {link}" for name, link in links.items()]
    if "model" in links:
        lines.append(
            f"- its run in MLflow: search for ``tags.`trapgen.model` = '{links['model']}'``"
        )
    if lines:
        create_markdown_artifact("\n".join(lines), key="links", description="Where to read more.")

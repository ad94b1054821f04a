"""A webhook that hears of failures, refusals and promotions.

Its address is a parameter of the flow `retrain`, or stands in `TRAPGEN_WEBHOOK`: an address that
holds a secret belongs there, since Prefect shows parameters. The body of the POST is JSON:

    kind        failed, crashed, refused, promoted or declined
    reason      one sentence or more
    flow_run    id, name, url (null without a server)
    links       by name: where to read more
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from prefect.runtime import flow_run as current
from prefect.utilities.urls import url_for

from flows.links import find_links
from flows.reasons import REFUSED

VARIABLE: Final = "TRAPGEN_WEBHOOK"
TIMEOUT_S: Final = 10.0


def notify(kind: str, reason: str) -> None:
    """Tell the webhook, if there is one, what the current flow run has come to.

    Never raises because of the webhook: that it failed is logged.

    Args:
        kind: `promoted` or `declined`; `notify_end` sends the rest.
        reason: Why.
    """
    run = {"id": current.id, "name": current.name, "url": current.ui_url}
    _tell(kind, reason, run, current.parameters)


def notify_end(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook of Prefect's for the end of a flow run that did not succeed."""
    kind = {REFUSED: "refused", "Crashed": "crashed"}.get(str(state.name), "failed")
    run = {"id": str(flow_run.id), "name": flow_run.name, "url": url_for(flow_run)}
    _tell(kind, state.message or f"{flow.name} ended as {state.name}", run, flow_run.parameters)


def _tell(
    kind: str, reason: str, run: Mapping[str, str | None], parameters: Mapping[str, Any]
) -> None:
    import httpx

    address = parameters.get("webhook") or os.environ.get(VARIABLE, "")
    if not address:
        return
    links = find_links(Path(parameters.get("root", ".")))
    message = {"kind": kind, "reason": reason, "flow_run": dict(run), "links": links}
    log = get_logger("webhook")
    try:
        # Only the host is logged: the rest may be a secret.
        host = urlsplit(address).hostname
        with httpx.Client(transport=httpx.HTTPTransport(retries=2), timeout=TIMEOUT_S) as client:
            answer = client.post(address, json=message)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        log.warning("the webhook was not told: %s", type(error).__name__)
        return
    if answer.is_success:
        log.info("told the webhook at %s: %s", host, kind)
    else:
        log.warning("the webhook at %s answered %s", host, answer.status_code)

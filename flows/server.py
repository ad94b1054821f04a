"""Prefect's server for this machine alone: `prefect server start`, closed to other sites.

    python -m flows.server [--port 4200]

By default the server answers pages of any origin, under any name: a page open in the same browser
could read runs, and start them. Prefect has a setting for origins; for names it has none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

NAMES: Final = ("127.0.0.1", "localhost")


def start(port: int) -> None:
    """Start the server on 127.0.0.1, and return when it is stopped."""
    origins = ",".join(f"http://{name}:{port}" for name in NAMES)
    os.environ |= {
        "PREFECT_SERVER_API_HOST": NAMES[0],
        # Given as an option, the port does not reach the pages.
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins,
        # The second version of the pages asks amplitude.com for settings, also with analytics off.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
    }
    # Prefect reads its settings when it is imported.
    from prefect.cli import app
    from prefect.server.api import server
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    create_app = server.create_app

    def create_closed_app(*args: Any, **options: Any) -> Any:
        made = create_app(*args, **options)
        made.add_middleware(TrustedHostMiddleware, allowed_hosts=list(NAMES))
        return made

    server.create_app = create_closed_app
    sys.argv = ["prefect", "server", "start"]
    app()


def parse_port(arguments: Sequence[str] | None = None) -> int:
    """Read the port from the command line."""
    parser = argparse.ArgumentParser(description="Start a Prefect server on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=4200, help="(default: 4200)")
    return int(parser.parse_args(arguments).port)


if __name__ == "__main__":
    start(parse_port())

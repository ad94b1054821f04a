"""Serve the model in use on this machine: `python -m tasks.serving`."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.serving.package import save
from trapgen.factory import factory_folder
from trapgen.model import MODELS, find_model_in_use

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

_UNREAD = (AttributeError, RecursionError, ValueError)
"""What MLflow's server lets out where it can't read a request: one without a content type, with
brackets within brackets without end, with a number of thousands of digits."""


def make_app(model: Any) -> "FastAPI":
    """MLflow's server for a loaded model, which answers 400 to what it can't read, too."""
    from fastapi.responses import JSONResponse
    from mlflow.pyfunc.scoring_server import init

    def refuse(_: "Request", error: Exception) -> "Response":
        message = f'send {{"inputs": [...]}} as application/json ({type(error).__name__}: {error})'
        return JSONResponse({"error_code": "BAD_REQUEST", "message": message}, 400)

    app: FastAPI = init(model)
    for kind in _UNREAD:
        app.add_exception_handler(kind, refuse)
    return app


def serve(root: Path, host: str, port: int) -> None:
    """Serve the checkout's model until interrupted.

    The champion answers, from the request after it was promoted; without one the newest model, and
    without that the packaged one.
    """
    import mlflow
    import uvicorn

    folder, _ = find_model_in_use(root) or (factory_folder(), "packaged")
    with tempfile.TemporaryDirectory() as scratch:
        save(folder, Path(scratch) / "model")
        model = mlflow.pyfunc.load_model(
            str(Path(scratch) / "model"), model_config={"models": str((root / MODELS).resolve())}
        )
        uvicorn.run(make_app(model), host=host, port=port)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=5001)
    options = parser.parse_args()
    serve(Path.cwd(), options.host, options.port)


if __name__ == "__main__":
    main()

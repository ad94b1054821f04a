"""Serve the model in use on this machine: `python -m tasks.serving`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks.places import MODEL
from tasks.serving.package import lay_out
from trapgen.factory import factory_folder
from trapgen.model import hash_model, load_network


def save(folder: Path, out: Path) -> None:
    """Save a model's folder as a model that MLflow serves.

    Raises:
        ModelError: A file is missing or broken.
    """
    import mlflow

    network = load_network(folder)
    with lay_out(folder, network, hash_model(network)) as parts:
        mlflow.pyfunc.save_model(str(out), **parts)


def serve(root: Path, host: str, port: int) -> int:
    """Serve the checkout's model until interrupted; the exit code.

    The champion answers, from the request after it was promoted; without one the newest model, and
    without that the packaged one.
    """
    folder = root / MODEL if (root / MODEL).is_dir() else factory_folder()
    config = {"models": str((root / MODEL).parent.resolve() / "models")}
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "model"
        save(folder, out)
        command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
        command += ["--model-uri", str(out), "--host", host, "--port", str(port)]
        try:
            return subprocess.run(
                command, env={**os.environ, "SERVING_MODEL_CONFIG": json.dumps(config)}, check=False
            ).returncode
        except KeyboardInterrupt:
            return 0


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=5001)
    options = parser.parse_args()
    return serve(Path.cwd(), options.host, options.port)


if __name__ == "__main__":
    sys.exit(main())

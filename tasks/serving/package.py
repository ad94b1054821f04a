"""Puts a served model together: weights, code, pinned requirements, signature, card."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from trapgen.core import Definition, Params, definitions, list_definitions
from trapgen.model import Network, hash_model, load_network

NAME: Final = "trapgen"
"""Of the model in a run, and of the registered model."""

_ROOT: Final = Path(__file__).parents[2]
_LIBRARY: Final = _ROOT / "trapgen"
_CODE: Final = Path(__file__).parent / "served_model.py"
_PIN: Final = re.compile(r"^([a-z0-9-]+==[^\\\n]+?) *\\?$", re.MULTILINE)
_CONFIGURATION: Final = {"most_bars": 4096, "models": ""}
"""See `load_context` of the served model; who loads it may give others."""
EXAMPLE: Final = [{"loops": 1, "bars": 2, "bpm": 146.0, "require": ["snare@3"], "seed": 3}]
"""A table with one request."""


def read_requirements() -> list[str]:
    """The versions of `requirements/core.lock`, and MLflow's own."""
    import mlflow

    lock = (_ROOT / "requirements" / "core.lock").read_text(encoding="utf-8")
    return [*_PIN.findall(lock), f"mlflow=={mlflow.__version__}"]


@contextmanager
def lay_out(folder: Path, network: Network, model: str) -> Iterator[dict[str, Any]]:
    """Arguments of `mlflow.pyfunc.log_model` and `save_model` for a model's folder.

    Args:
        folder: The model's folder.
        network: Its network.
        model: Its hash.
    """
    # It tells what it infers about every model.
    logging.getLogger("mlflow.models.signature").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / "trapgen"
        # The packaged models are no code.
        packaged = [path.name for path in (_LIBRARY / "factory").iterdir() if path.is_dir()]
        shutil.copytree(_LIBRARY, code, ignore=shutil.ignore_patterns("__pycache__", *packaged))
        card = Path(scratch) / "MODEL_CARD.md"
        card.write_text(write_card(network, model, folder), encoding="utf-8")
        yield {
            "python_model": str(_CODE),
            "artifacts": {"model": str(folder), "card": str(card)},
            "code_paths": [str(code)],
            "pip_requirements": read_requirements(),
            "input_example": EXAMPLE,
            "model_config": _CONFIGURATION,
            "metadata": {"trapgen.model": model},
        }


def save(folder: Path, out: Path) -> None:
    """Save a model's folder as a model that MLflow serves.

    Raises:
        ModelError: A file is missing or broken.
    """
    import mlflow

    network = load_network(folder)
    with lay_out(folder, network, hash_model(network)) as parts:
        mlflow.pyfunc.save_model(str(out), **parts)


def write_card(network: Network, model: str, folder: Path) -> str:
    """Text of the card: what the model is, what it takes and what it gives."""
    spec = network.spec
    own = folder / "MODEL_CARD.md"
    styles = ", ".join(sorted({name.split("/")[-1] for name in spec.conditions})) or "none"
    rows = "\n".join(
        f"| `{name}` | {_describe_default(found)} | {found.sentence} |"
        for name, found in {
            **list_definitions("sample"),
            "seed": definitions(Params)["seed"],
        }.items()
    )
    about = own.read_text(encoding="utf-8") if own.is_file() else _CARD_OF_TRAINED
    return _CARD.format(
        model=model, steps=spec.steps_per_bar, styles=styles, rows=rows, about=about.strip()
    )


def _describe_default(definition: Definition) -> str:
    if definition.many or definition.default in (None, ""):
        return "none"
    return f"`{str(definition.default).lower()}`"


_CARD: Final = """\
# trapgen {model}

Writes drum loops on {steps} steps a bar. Conditions that it knows: {styles}.

A table of requests goes in; every column is optional. A row of the answer is a loop: `request` (the
row that asked for it), `name`, `midi` (the file as base64), `receipt` (as JSON: how the loop was
made, and how near it is to the nearest training loops), `bpm`, `bars`, `novelty`. The same request
gives the same bytes as `trapgen generate` with the same options.

`primer`, `lock_from` and `vary` take the content of a MIDI file as base64, not its name: a served
model opens no files.

| column | default | |
| --- | --- | --- |
{rows}

{about}
"""
_CARD_OF_TRAINED: Final = """\
## Training data and limits

The model learned from the loops of its training index (`artifacts/model`). The run that it belongs
to holds their hashes, the overlap audit and the evaluation. It writes what its training loops are
like: look at `novelty` before a loop is published, and at the licenses of the packs.
"""

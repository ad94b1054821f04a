"""The stages of a toy checkout: text in place of drums, in the shape of the real pipeline.

Each body notes its call in `calls.txt`, which DVC knows nothing of.
"""

import time
from pathlib import Path

import yaml

from trapgen.core import GateRefusedError

VERSION = "7"
HOLD = "hold"
"""A file that holds training up while it is there."""


def _begin(root: Path, name: str) -> dict:
    with (root / "calls.txt").open("a") as calls:
        calls.write(name + "\n")
    return yaml.safe_load((root / "params.yaml").read_text())[name]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def corpus(root: Path) -> None:
    parameters = _begin(root, "corpus")
    for number in range(parameters["files"]):
        text = (root / "packs/pack.txt").read_text()
        _write(root / f"data/raw/{number}.txt", text + str(number))


def audit(root: Path) -> None:
    parameters = _begin(root, "audit")
    texts = [path.read_text() for path in sorted((root / "data/raw").iterdir())]
    _write(root / "data/audit.json", f'{{"n_texts": {len(texts)}}}')
    if len(texts) > parameters["limit"]:
        raise GateRefusedError([f"{len(texts)} texts are more than {parameters['limit']}"])


def draw(root: Path) -> None:
    _begin(root, "draw")
    _write(root / "data/picture.txt", "".join(sorted((root / "data/raw/0.txt").read_text())))


def train(root: Path) -> None:
    parameters = _begin(root, "train")
    while (root / HOLD).exists():
        time.sleep(0.05)
    text = (root / "data/raw/0.txt").read_text() + (root / "data/audit.json").read_text()
    _write(root / "data/model/weights.txt", text * parameters["epochs"])
    print(f"train: {parameters['epochs']} epochs")

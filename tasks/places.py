"""Paths within a checkout."""

from pathlib import Path
from typing import Final

from trapgen.core import ParameterError, Params, SampleParams, load_params

PACKS: Final = Path("data/packs")
START: Final = Path("data/start")
"""Models to begin from."""
PROMPTS: Final = Path("data/prompts")
"""MIDI files that loops are generated from."""
OUTSIDE: Final = Path("data/outside")
"""Folders of loops that nothing is trained on."""
RAW: Final = Path("data/raw")
STANDARDIZED: Final = Path("data/standardized")
SPLIT: Final = Path("data/split")
ASSIGNED: Final = SPLIT / "assigned.csv"
"""An output that DVC keeps when it runs the stage, and git tracks."""
AUGMENTED: Final = Path("data/augmented")
AUDIT: Final = Path("data/audit")
ENCODED: Final = Path("data/encoded")
MODEL: Final = Path("data/model")
SAMPLES: Final = Path("data/samples")
REPORTS: Final = Path("data/reports")
CHECKPOINT: Final = Path("data/checkpoint")
"""Not an output of DVC's, which removes those before a stage runs."""
CHECKS: Final = Path("data/checks")
"""The history of the checks; no output of DVC's either."""
TRACKING: Final = Path("mlruns")


def read_params(root: Path) -> Params:
    """The checkout's `params.yaml`.

    Raises:
        ParameterError: The file breaks a rule.
    """
    return load_params(root / "params.yaml")


def find_start(root: Path, params: Params) -> Path | None:
    """Folder of the model to begin from; None if training begins from scratch.

    Raises:
        ParameterError: It is not in `data/start`, on which the stages that read it depend.
    """
    named = params.train.start
    return _find_input(root, "train.start", named, START) if named else None


def check_prompts(root: Path, params: SampleParams) -> None:
    """Check that the files that loops are generated from are among the stage's dependencies.

    Raises:
        ParameterError: One is not in `data/prompts`.
    """
    for key in ("primer", "lock_from", "vary"):
        named = getattr(params, key)
        if named and (key, named) != ("primer", "train"):
            _find_input(root, f"sample.{key}", named, PROMPTS)


def _find_input(root: Path, name: str, value: str, among: Path) -> Path:
    path, folder = (root / value).resolve(), (root / among).resolve()
    if not path.is_relative_to(folder) or not path.exists():
        rule = f"in {among}, which is what DVC looks at: copy it there"
        raise ParameterError(name, rule, value)
    return root / value

"""Paths within a checkout."""

from pathlib import Path
from typing import Final

from trapgen.core import Params, load_params

PACKS: Final = Path("data/packs")
RAW: Final = Path("data/raw")
STANDARDIZED: Final = Path("data/standardized")
SPLIT: Final = Path("data/split")
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

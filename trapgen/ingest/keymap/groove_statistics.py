"""Parameters of voice classifier and key-map scores, learned on Groove: `groove.json`.

`python -m training.keymap DIR` writes that file again; it carries Groove's attribution.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from trapgen.core import read_json

GROOVE: Final = Path(__file__).with_name("groove.json")


@cache
def read_groove() -> Any:
    """Content of the file: `sure`; `nats` by term and by key map; `voices`, a `VoiceTable`."""
    return read_json(GROOVE)


def sure_from() -> float:
    """Confidence from which a key map is accepted; below it the file needs review."""
    confidence: float = read_groove()["sure"]
    return confidence

"""What was learned on Groove of voices and of key maps: the numbers of `groove.json`.

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
    """The file's `sure`, `nats` by term and by key map, `voices` by field of `VoiceTable`."""
    return read_json(GROOVE)


def sure_from() -> float:
    """Confidence from which a key map is taken; below it the file needs review."""
    confidence: float = read_groove()["sure"]
    return confidence

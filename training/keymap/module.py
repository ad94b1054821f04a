"""The text of `trapgen.ingest.keymap.groove`."""

from __future__ import annotations

from typing import Final

import numpy as np

from trapgen.core import KEY_MAPS
from trapgen.ingest.keymap import FEATURES, MAP_TERMS, RHYTHM_TERMS, VoiceTable, Weights

_MODULE: Final = '''"""What was learned on Groove of voices and of key maps.

    python -m training.keymap DIR

writes this file again. Its numbers are derived from the train split of the Groove MIDI Dataset
v1.0.0 by Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck and David Bamman (Google LLC, ICML
2019), licensed CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/).
"""

from __future__ import annotations

from typing import Final

SURE: Final = {sure:.2f}
"""Confidence from which a key map is taken; below it the file needs review."""

WEIGHTS: Final = """
{weights}
"""
"""A row a term of `trapgen.ingest.keymap.readings`, then a row a key map: nats."""

VOICES: Final = """
{voices}
"""
"""A row a feature: its mean, its deviation, its weight for each of the nine voices; then the
weights of its square. First the voices' log shares and constants."""
'''


def write_module(table: VoiceTable, weights: Weights, sure: float) -> str:
    """The module's source, its numbers rounded to thousandths."""
    n = len(FEATURES)
    rows = [("prior", table.prior), ("one", table.weights[0])]
    for at, name in enumerate(FEATURES):
        numbers = [table.mean[at], table.deviation[at], *table.weights[1 + at]]
        rows.append((name, np.array(numbers)))
        rows.append((f"{name}^2", table.weights[1 + n + at]))
    weighed = [
        *zip(RHYTHM_TERMS, weights.rhythm, strict=True),
        *zip(MAP_TERMS, weights.of_map, strict=True),
        *((f"prior:{name}", at) for name, at in zip(KEY_MAPS, weights.prior, strict=True)),
    ]
    return _MODULE.format(
        sure=sure,
        weights="\n".join(f"{name} {value:.3f}" for name, value in weighed),
        voices="\n".join(f"{name} {' '.join(f'{x:.3f}' for x in row)}" for name, row in rows),
    )

"""What may be told of a whole loop: style, sub-style, tempo, beat or fill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from trapgen.model.spec import N_CONDITIONS, ModelSpec, Tokens

Names = tuple[str, ...]
"""`N_CONDITIONS` names of a loop, one a slot; empty where unknown."""

_BAND_BPM: Final = 20
_LOWEST_BPM: Final = 60
_HIGHEST_BPM: Final = 200


def name_conditions(style: str = "", bpm: float | None = None, kind: str = "") -> Names:
    """The conditions of a loop.

    Args:
        style: As `funk` or `funk/fast`, where what stands behind the stroke is the sub-style.
        bpm: Tempo, told in bands of 20 from 60 to 200.
        kind: `beat` or `fill`.
    """
    main, _, sub = style.partition("/")
    band = ""
    if bpm is not None:
        whole = int(min(max(bpm, _LOWEST_BPM), _HIGHEST_BPM)) // _BAND_BPM * _BAND_BPM
        band = f"bpm:{whole}"
    return (
        f"style:{main}" if main else "",
        f"style:{style}" if sub else "",
        band,
        f"kind:{kind}" if kind else "",
    )


def list_conditions(loops: Iterable[Names]) -> tuple[str, ...]:
    """Every condition that some loop has, sorted: what a network can be told."""
    return tuple(sorted({name for names in loops for name in names if name}))


def number_conditions(loops: Sequence[Names], spec: ModelSpec) -> Tokens:
    """`(n_loops, 4)` numbers of the loops' conditions; 0 where the network knows none."""
    numbers = {name: at for at, name in enumerate(spec.conditions, start=1)}
    known = [[numbers.get(name, 0) for name in names] for names in loops]
    return np.array(known, np.int64).reshape(len(loops), N_CONDITIONS)

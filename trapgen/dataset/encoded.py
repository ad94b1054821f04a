"""How encoded loops are played: beside each text of loops its velocities, microtiming and tempo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import (
    DrumLoop,
    Lineage,
    ParameterError,
    TableError,
    read_arrays,
    read_lines,
    to_onsets,
    write_arrays,
)

_ARRAYS: Final = ("n_steps", "velocities", "offsets", "bpm", "style")
_AGAIN: Final = "Run the encode stage again."


def write_performances(path: Path, loops: Sequence[DrumLoop]) -> None:
    """Write what the text of the same loops leaves out, as `.npz`.

    `n_steps`, `bpm` and `style` have a value a loop; `velocities`, uint8, and `offsets`, float32 in
    steps, one a hit: loop by loop, step by step, voice by voice.
    """
    hits = [loop.onsets for loop in loops]
    velocities = [loop.velocities[at] for loop, at in zip(loops, hits, strict=True)]
    offsets = [loop.offsets[at] for loop, at in zip(loops, hits, strict=True)]
    write_arrays(
        path,
        {
            "n_steps": np.array([loop.n_steps for loop in loops], np.int64),
            "velocities": np.concatenate([np.zeros(0, np.uint8), *velocities]),
            "offsets": np.concatenate([np.zeros(0, np.float32), *offsets]),
            "bpm": np.array([loop.bpm for loop in loops], np.float64),
            "style": np.array([loop.lineage.style for loop in loops], np.str_),
        },
    )


def read_loops(text: Path, steps_per_bar: int) -> list[DrumLoop]:
    """The loops of a text, as they were played; of their lineage the style alone.

    Args:
        text: The words; velocities and all else stand in the `.npz` of the same name.
        steps_per_bar: The grid.

    Raises:
        TextError: The text cannot be read, or breaks its format.
        TableError: The other file cannot be read, or is not of these words.
    """
    words = read_lines(text, steps_per_bar)
    path = text.with_suffix(".npz")
    stored = read_arrays(path)
    missing = [name for name in _ARRAYS if name not in stored]
    if missing:
        raise TableError(path, "arrays", f"without {', '.join(missing)}", _AGAIN)
    onsets = [to_onsets(each) for each in words]
    n_hits = [int(each.sum()) for each in onsets]
    lengths = [len(each) for each in words]
    if stored["n_steps"].tolist() != lengths or len(stored["velocities"]) != sum(n_hits):
        raise TableError(path, "words", f"other loops than {text.name}", _AGAIN)
    ends = np.cumsum(n_hits)[:-1]
    loops = []
    try:
        velocities, offsets = (np.split(stored[name], ends) for name in ("velocities", "offsets"))
        for at, sounds in enumerate(onsets):
            played, moved = np.zeros(sounds.shape, np.uint8), np.zeros(sounds.shape, np.float32)
            played[sounds], moved[sounds] = velocities[at], offsets[at]
            lineage = Lineage(style=str(stored["style"][at]))
            bpm = float(stored["bpm"][at])
            loops.append(DrumLoop(played, steps_per_bar, bpm, moved, lineage))
    except (ParameterError, ValueError, IndexError) as error:
        raise TableError(path, "values", error, _AGAIN) from error
    return loops

"""Groove's performances transferred to the keys of every map, for training and testing."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trapgen.core import KeyMap, key_map
from trapgen.midi import Strikes, read_strikes


@dataclass(frozen=True, slots=True)
class Performance:
    """A file of Groove: its path in the folder, its drummer, and its strikes, at least one."""

    name: str
    drummer: str
    strikes: Strikes


def read_split(folder: Path, split: str) -> list[Performance]:
    """The performances of a published split of a copy of Groove, in the order of `info.csv`."""
    with (folder / "info.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    read = (
        Performance(
            row["midi_filename"], row["drummer"], read_strikes(folder / row["midi_filename"])
        )
        for row in rows
    )
    return [performance for performance in read if len(performance.strikes)]


def move(performance: Performance, table: KeyMap) -> tuple[Strikes, NDArray[np.int64]] | None:
    """A performance transferred to another map, on channel 1, and its true voices `(n,)`.

    Each pitch is assigned to a key of its voice, without replacement while keys are left; voices
    that the map lacks are dropped. The draw depends only on the performance's name and the map's.

    Returns:
        None if no strike is left.
    """
    strikes = performance.strikes
    voice_of = key_map("roland_td11").column_of
    seed = hashlib.sha256(f"{performance.name} {table.name}".encode()).digest()
    rng = np.random.default_rng(list(seed))
    free = {
        voice: list(rng.permutation([key for key, v in table.voices.items() if v == voice]))
        for voice in set(table.voices.values())
    }
    moved = np.full(128, -1)
    for pitch in np.unique(strikes.pitches).tolist():
        if keys := free.get(int(voice_of[pitch])):
            moved[pitch] = keys[0]
            keys.append(keys.pop(0))
    pitches = moved[strikes.pitches]
    kept = pitches >= 0
    if not kept.any():
        return None
    n = np.count_nonzero(kept)
    played = replace(
        strikes.select(kept), pitches=pitches[kept].astype(np.uint8), channels=np.zeros(n, np.uint8)
    )
    return played, voice_of[strikes.pitches[kept]]

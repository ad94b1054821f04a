"""The model's folder: small weights, and what receipts are measured against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from training.pretrain.sides import Sides
from trapgen.core import DrumLoop, to_loop, to_words
from trapgen.model import (
    Humanizer,
    Network,
    measure_novelty,
    save_humanizer,
    save_network,
    save_training_index,
)

PIECE_BARS: Final = 4
"""Performances are measured against in pieces of this length."""


def save_model(
    folder: Path, network: Network, humanizer: Humanizer, groove: Sides, starter: Sides
) -> None:
    """Write the networks with their weights in 16 bits, and all that they learned from as words.

    Distances of held-out loops, which receipts set novelty beside, are those of the starter's.
    """
    save_network(folder, network, half=True)
    save_humanizer(folder, humanizer, half=True)
    train = [*starter["train"].loops, *groove["train"].loops]
    held_out = [*starter["validation"].loops, *starter["test"].loops]
    distances = measure_novelty(held_out, train, piece_bars=PIECE_BARS)
    words = [_flatten(loop) for loop in train]
    save_training_index(folder, words, distances, piece_bars=PIECE_BARS)


def _flatten(loop: DrumLoop) -> DrumLoop:
    """The loop's words alone, which receipts compare: every hit as loud as another, and in time."""
    return replace(to_loop(to_words(loop), loop.steps_per_bar, loop.bpm), lineage=loop.lineage)

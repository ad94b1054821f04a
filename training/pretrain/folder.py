"""The model's folder: small weights, and the training index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from training.pretrain.sides import Sides
from trapgen.core import DrumLoop, to_loop, to_words
from trapgen.model import Humanizer, Network, save_humanizer, save_network
from trapgen.similarity import measure_novelty, save_training_index

PIECE_BARS: Final = 4
"""Performances are compared in excerpts of this length."""


def save_model(
    folder: Path, network: Network, humanizer: Humanizer, groove: Sides, starter: Sides
) -> None:
    """Write the networks with weights in 16 bits, and the training loops as words.

    Distances of held-out loops, with which receipts compare novelty, are the starter corpus's.
    """
    save_network(folder, network, half=True)
    save_humanizer(folder, humanizer, half=True)
    train = [*starter["train"].loops, *groove["train"].loops]
    held_out = [*starter["validation"].loops, *starter["test"].loops]
    distances = measure_novelty(held_out, train, piece_bars=PIECE_BARS)
    words = [_flatten(loop) for loop in train]
    save_training_index(folder, words, distances, piece_bars=PIECE_BARS)


def _flatten(loop: DrumLoop) -> DrumLoop:
    """Reduce a loop to its words, which receipts compare: constant velocity, no microtiming."""
    return replace(to_loop(to_words(loop), loop.steps_per_bar, loop.bpm), lineage=loop.lineage)

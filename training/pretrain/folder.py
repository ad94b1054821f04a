"""The model's folder: small weights, and what receipts are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.pretrain.sides import Sides
from trapgen.generate import save_reference
from trapgen.model import Humanizer, Network, save_humanizer, save_network

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
    save_reference(
        folder / "reference.npz",
        [*starter["train"].loops, *groove["train"].loops],
        [*starter["validation"].loops, *starter["test"].loops],
        piece_bars=PIECE_BARS,
        compress=True,
    )

"""Training of the humanizer on the playback of Groove's drummers and of the starter's loops."""

from __future__ import annotations

import sys
from typing import Final

from training.pretrain.sides import Sides
from trapgen.model import Humanizer, HumanizerEpoch, ModelSpec, number_conditions, train_humanizer
from trapgen.model.training import Conditions

UNITS: Final = 96
EPOCHS: Final = 8
DROPOUT: Final = 0.4


def learn_humanizer(groove: Sides, starter: Sides, spec: ModelSpec, seed: int) -> Humanizer:
    """Train on both train splits; clean validation of both selects the epoch.

    Args:
        groove: Performances by split.
        starter: Loops by split.
        spec: The word network, whose conditions are also the humanizer's.
        seed: Random seed.
    """
    train, validation = (groove[side] + starter[side] for side in ("train", "validation"))
    return train_humanizer(
        train.loops,
        validation.loops,
        units=UNITS,
        epochs=EPOCHS,
        seed=seed,
        dropout=DROPOUT,
        names=spec.conditions,
        conditions=Conditions(*(number_conditions(x.names, spec) for x in (train, validation))),
        on_epoch=_show_epoch,
    )


def _show_epoch(epoch: HumanizerEpoch) -> None:
    print(
        f"humanizer, epoch {epoch.epoch}: train {epoch.train:.3f}, velocity {epoch.velocity:.3f}, "
        f"offset {epoch.offset or 0:.3f}, {epoch.seconds:.0f} s",
        file=sys.stderr,
        flush=True,
    )

"""Training with TensorFlow, which is imported here alone, and only when something is trained."""

from trapgen.train.checkpoint import fingerprint
from trapgen.train.distance import DISTANCES, measure_distances, part_by_distance
from trapgen.train.history import (
    Epoch,
    best_epoch,
    describe_learning,
    read_history,
    write_history,
)
from trapgen.train.loop import Conditions, Trained, train_network
from trapgen.train.network import build_keras, load_keras
from trapgen.train.vary import vary_loops
from trapgen.train.windows import hold_out, make_windows

__all__ = [
    "DISTANCES",
    "Conditions",
    "Epoch",
    "Trained",
    "best_epoch",
    "build_keras",
    "describe_learning",
    "fingerprint",
    "hold_out",
    "load_keras",
    "make_windows",
    "measure_distances",
    "part_by_distance",
    "read_history",
    "train_network",
    "vary_loops",
    "write_history",
]

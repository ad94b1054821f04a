"""Training with TensorFlow, which is imported here alone, and only when something is trained."""

from trapgen.train.checkpoint import Epoch, fingerprint
from trapgen.train.loop import Trained, train_network
from trapgen.train.network import build_keras, load_keras
from trapgen.train.windows import make_windows

__all__ = [
    "Epoch",
    "Trained",
    "build_keras",
    "fingerprint",
    "load_keras",
    "make_windows",
    "train_network",
]

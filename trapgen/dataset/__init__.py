"""From loops to what a model reads: split, recombination, encoded text."""

from trapgen.dataset.augment import augment_sides, load_augmented, write_augmented
from trapgen.dataset.encoded import read_loops, write_performances
from trapgen.dataset.split import find_components, split_sources

__all__ = [
    "augment_sides",
    "find_components",
    "load_augmented",
    "read_loops",
    "split_sources",
    "write_augmented",
    "write_performances",
]

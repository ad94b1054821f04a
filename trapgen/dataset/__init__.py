"""From loops to what a model reads: split, recombination, encoded text."""

from trapgen.dataset.augment import augment_sides, write_augmented
from trapgen.dataset.split import find_components, split_sources

__all__ = [
    "augment_sides",
    "find_components",
    "split_sources",
    "write_augmented",
]

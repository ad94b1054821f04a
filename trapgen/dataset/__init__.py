"""From loops to training data: split, recombination, encoded text."""

from trapgen.dataset.augment import augment_sides, write_augmented
from trapgen.dataset.exam import continue_exam
from trapgen.dataset.learned import find_learned
from trapgen.dataset.split import find_components, split_sources

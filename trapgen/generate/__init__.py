"""New loops out of a network: many at once, one step of work a token, steered by masks."""

from trapgen.generate.decode import sample_words
from trapgen.generate.generator import Generator, draw_loops, generate, load_generator, regenerate
from trapgen.generate.novelty import (
    INDEX_FILES,
    find_nearest,
    load_training_index,
    measure_novelty,
    save_training_index,
)
from trapgen.generate.receipt import read_making
from trapgen.generate.render_loops import Draft

__all__ = [
    "INDEX_FILES",
    "Draft",
    "Generator",
    "draw_loops",
    "find_nearest",
    "generate",
    "load_generator",
    "load_training_index",
    "measure_novelty",
    "read_making",
    "regenerate",
    "sample_words",
    "save_training_index",
]

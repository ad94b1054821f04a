"""Files as found become loops on the kit and the grid, with a count of everything on the way."""

from trapgen.standardize.chunks import Chunk, Part, Spread, standardize
from trapgen.standardize.folder import (
    describe_loop,
    find_midi,
    load_row,
    load_standardized,
    read_folder,
)
from trapgen.standardize.grid import quantize
from trapgen.standardize.read import DEFAULT_BPM, Standardized, read_loop

__all__ = [
    "DEFAULT_BPM",
    "Chunk",
    "Part",
    "Spread",
    "Standardized",
    "describe_loop",
    "find_midi",
    "load_row",
    "load_standardized",
    "quantize",
    "read_folder",
    "read_loop",
    "standardize",
]

"""Files as found become loops on the kit and the grid, with a count of everything on the way."""

from trapgen.standardize.folder import (
    describe_loop,
    find_midi,
    load_row,
    load_standardized,
    read_folder,
    standardize,
)
from trapgen.standardize.grid import quantize
from trapgen.standardize.read import DEFAULT_BPM, Standardized, read_loop

__all__ = [
    "DEFAULT_BPM",
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

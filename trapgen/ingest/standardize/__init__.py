"""Files as found become loops on the kit and the grid, with a count of everything on the way."""

from trapgen.ingest.standardize.chunks import Chunk, Part, Spread, standardize
from trapgen.ingest.standardize.folder import (
    find_midi,
    load_standardized,
    read_folder,
)
from trapgen.ingest.standardize.grid import quantize
from trapgen.ingest.standardize.read import DEFAULT_BPM, Standardized, read_loop

__all__ = [
    "DEFAULT_BPM",
    "Chunk",
    "Part",
    "Spread",
    "Standardized",
    "find_midi",
    "load_standardized",
    "quantize",
    "read_folder",
    "read_loop",
    "standardize",
]

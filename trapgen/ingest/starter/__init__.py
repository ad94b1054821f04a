"""The starter corpus: trap drum loops written for this project, under its license.

`tabs` reads the drum tabs that lie beside it, `packs` writes them as the MIDI packs that a
producer would download.
"""

from trapgen.ingest.starter.packs import PACKS, Pack, load_starter, name_files, write_packs
from trapgen.ingest.starter.tabs import parse_tabs, read_tabs

__all__ = [
    "PACKS",
    "Pack",
    "load_starter",
    "name_files",
    "parse_tabs",
    "read_tabs",
    "write_packs",
]

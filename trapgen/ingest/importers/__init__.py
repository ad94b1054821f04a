"""Packs from outside: folders, ZIPs and the Groove MIDI Dataset, copied byte for byte."""

from trapgen.core import PACK
from trapgen.ingest.importers.entry import Entry, Limits
from trapgen.ingest.importers.groove import download_groove
from trapgen.ingest.importers.pack import Imported, import_pack

__all__ = ["PACK", "Entry", "Imported", "Limits", "download_groove", "import_pack"]

"""Packs from outside: folders, ZIPs and the Groove MIDI Dataset, copied byte for byte."""

from trapgen.importers.entry import Entry, Limits
from trapgen.importers.groove import download_groove
from trapgen.importers.pack import Imported, import_pack
from trapgen.store import PACK

__all__ = ["PACK", "Entry", "Imported", "Limits", "download_groove", "import_pack"]

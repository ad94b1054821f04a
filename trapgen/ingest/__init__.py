"""Conversion of files to loops: importers, key maps, standardizing, the starter corpus."""

from trapgen.ingest.collection import read_collection
from trapgen.ingest.gather_packs import gather_packs
from trapgen.ingest.importers.entry import Limits
from trapgen.ingest.importers.groove import CREDIT, INFO, download_groove, parse_info
from trapgen.ingest.importers.names import check_name, clash_key
from trapgen.ingest.importers.pack import import_pack
from trapgen.ingest.keymap.groove_statistics import sure_from
from trapgen.ingest.keymap.review import Reviewed, review_files, settle
from trapgen.ingest.list_files import find_midi, list_files
from trapgen.ingest.standardize.chunks import Chunk, Part, Spread, standardize
from trapgen.ingest.standardize.folder import load_standardized, read_folder
from trapgen.ingest.standardize.notes import read_pack
from trapgen.ingest.standardize.read import Standardized, read_loop
from trapgen.ingest.starter.packs import load_starter, write_packs

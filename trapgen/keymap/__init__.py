"""Key maps of files: detected by rhythm, with a confidence, or settled by hand."""

from trapgen.keymap.choose import (
    SETTLED,
    choose_readings,
    drums_of,
    find_settled,
    most_known_map,
    read_settled,
)
from trapgen.keymap.detect import SURE, Reading, detect_key_map, rank_key_maps
from trapgen.keymap.review import Doubt, find_doubts, settle
from trapgen.keymap.role import detect_role, find_role

__all__ = [
    "SETTLED",
    "SURE",
    "Doubt",
    "Reading",
    "choose_readings",
    "detect_key_map",
    "detect_role",
    "drums_of",
    "find_doubts",
    "find_role",
    "find_settled",
    "most_known_map",
    "rank_key_maps",
    "read_settled",
    "settle",
]

"""Key maps of files: detected by rhythm, with a confidence, or settled by hand."""

from trapgen.ingest.keymap.choose import (
    SETTLED,
    choose_readings,
    drums_of,
    find_settled,
    most_known_map,
    read_settled,
)
from trapgen.ingest.keymap.detect import Reading, detect_key_map, rank_key_maps
from trapgen.ingest.keymap.evidence import VoiceTable, expand
from trapgen.ingest.keymap.features import FEATURES, count_bars, describe_groups
from trapgen.ingest.keymap.groove import SURE
from trapgen.ingest.keymap.readings import MAP_TERMS, RHYTHM_TERMS, gather_evidence
from trapgen.ingest.keymap.review import Doubt, find_doubts, settle
from trapgen.ingest.keymap.role import detect_role, find_role
from trapgen.ingest.keymap.weights import Weights, share_out

__all__ = [
    "FEATURES",
    "MAP_TERMS",
    "RHYTHM_TERMS",
    "SETTLED",
    "SURE",
    "Doubt",
    "Reading",
    "VoiceTable",
    "Weights",
    "choose_readings",
    "count_bars",
    "describe_groups",
    "detect_key_map",
    "detect_role",
    "drums_of",
    "expand",
    "find_doubts",
    "find_role",
    "find_settled",
    "gather_evidence",
    "most_known_map",
    "rank_key_maps",
    "read_settled",
    "settle",
    "share_out",
]

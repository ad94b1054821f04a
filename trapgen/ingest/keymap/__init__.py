"""Key maps of files: inferred from the rhythm, with a confidence, or settled by the user."""

from trapgen.ingest.keymap.choose import choose_readings, drums_of
from trapgen.ingest.keymap.evidence import VoiceTable, expand
from trapgen.ingest.keymap.groove_statistics import GROOVE, sure_from
from trapgen.ingest.keymap.readings import MAP_TERMS, RHYTHM_TERMS, gather_evidence
from trapgen.ingest.keymap.rhythm_features import count_bars, describe_groups
from trapgen.ingest.keymap.role import find_role
from trapgen.ingest.keymap.settled import find_settled
from trapgen.ingest.keymap.weights import Weights, share_out

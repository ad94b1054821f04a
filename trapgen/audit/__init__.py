"""Overlap between training and held-out loops, compared with chance, and the gate."""

from trapgen.audit.audit_sides import audit_sides, find_copies, label_splits
from trapgen.audit.bar_windows import list_windows
from trapgen.audit.corpus_audit import audit_corpus
from trapgen.audit.leaks import LEAKS, VOICE_TAKEN, Case, Leak, draw_leaks
from trapgen.audit.results import Audit, Chance, Decision, Overlap, Sided, write_tables
from trapgen.audit.selftest import count_false_alarms, find_leaks

"""Reports: one HTML page each, whole by itself; what it says stands in `templates/`."""

from trapgen.report.audit import Move, write_audit_report
from trapgen.report.audit_collections import AUDIT_FILES, audit_collections
from trapgen.report.checks import BrokenRule, CheckRun, write_checks_page
from trapgen.report.curves import RELIABILITY, write_curves
from trapgen.report.evaluation import write_evaluation_report
from trapgen.report.lineage import SourceFile
from trapgen.report.samples import embed_sound, write_samples_page

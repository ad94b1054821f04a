"""The reports that people read: one page of HTML each, whole by itself."""

from trapgen.report.audit import write_audit_report
from trapgen.report.audit_collections import AUDIT_FILES, audit_collections
from trapgen.report.curves import RELIABILITY, write_curves
from trapgen.report.evaluation import write_evaluation_report

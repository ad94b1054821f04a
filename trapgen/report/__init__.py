"""The reports that people read: one page of HTML each, whole by itself."""

from trapgen.report.audit import write_audit_report
from trapgen.report.compare import compare_sides, read_side
from trapgen.report.curves import RELIABILITY, write_curves
from trapgen.report.evaluation import write_evaluation_report

__all__ = [
    "RELIABILITY",
    "compare_sides",
    "read_side",
    "write_audit_report",
    "write_curves",
    "write_evaluation_report",
]

"""The reports that people read: one page of HTML each, whole by itself."""

from trapgen.report.audit import write_audit_report
from trapgen.report.evaluation import write_evaluation_report

__all__ = ["write_audit_report", "write_evaluation_report"]

"""The reports that people read: one page of HTML each, whole by itself."""

from trapgen.report.audit import write_audit_report

__all__ = ["write_audit_report"]

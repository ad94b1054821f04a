"""What must hold of the pipeline's data, held by great_expectations.

A rule is data: it names its column, says in words what it asks, and knows the expectation that
holds it. great_expectations runs the rules and writes Data Docs; `trapgen.report` writes the page
that people read.
"""

from tasks.checks.docs import RAW_DOCS, TABLE_DOCS, TEXT_DOCS
from tasks.checks.raw import check_raw
from tasks.checks.run import Findings
from tasks.checks.tables import check_tables
from tasks.checks.text import check_text

__all__ = [
    "RAW_DOCS",
    "TABLE_DOCS",
    "TEXT_DOCS",
    "Findings",
    "check_raw",
    "check_tables",
    "check_text",
]

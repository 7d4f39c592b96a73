"""Audit of published tables: every derived figure is recomputed from the table itself.

Columns are recognised by what their headers mean, rows by the parent they name. Nothing is known of any one report.
"""

from pathlib import Path
from typing import Any

from services.ledger.audit.checks import audit_table
from services.ledger.audit.findings import AuditInputError, AuditReport, Finding, FindingClass, Severity
from services.ledger.audit.table import read_text

__all__ = [
    "AuditInputError",
    "AuditReport",
    "Finding",
    "FindingClass",
    "Severity",
    "audit_file",
    "audit_table",
]


def audit_file(path: Path | str) -> dict[str, Any]:
    """The audit of one CSV file, ready to be written as JSON. Raises AuditInputError."""
    path = Path(path)
    return audit_table(path.stem, read_text(path)).as_dict()

"""Reads (never runs) a service's repository and finds, by file and line, what will fail."""

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.finding import Finding, Severity, SkippedFile
from runbook_lib.audit.registry import RULES
from runbook_lib.audit.report import AuditReport
from runbook_lib.audit.rule import Rule

__all__ = ["RULES", "AuditReport", "Finding", "Rule", "Severity", "SkippedFile", "audit"]

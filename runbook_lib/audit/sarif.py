"""Findings as a SARIF 2.1.0 log (OASIS standard, docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from runbook_lib import __version__
from runbook_lib.audit.finding import Finding, SkippedFile
from runbook_lib.audit.registry import RULES
from runbook_lib.audit.rule import Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_log(findings: Sequence[Finding], skipped: Sequence[SkippedFile]) -> dict[str, Any]:
    """Return a log of one run; paths are relative to SRCROOT, the audited folder."""
    ids = list(RULES)
    notifications = [_notification(one) for one in skipped]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "runbook audit",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
                "results": [_result(one, ids.index(one.rule_id)) for one in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": [rule.quirk] if rule.quirk else []},
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column, "endLine": finding.end_line}
    return {
        "ruleId": finding.rule_id,
        "ruleIndex": rule_index,
        "level": finding.severity.value,
        "message": {"text": f"{finding.message}. {finding.remedy}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.path),
                    "region": {key: value for key, value in region.items() if value is not None},
                }
            }
        ],
    }


def _notification(skipped: SkippedFile) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": f"not read: {skipped.reason}"},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(skipped.path)}}],
    }


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path), "uriBaseId": "SRCROOT"}

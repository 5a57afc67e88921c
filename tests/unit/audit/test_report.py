"""How a report is shown, and what programs get."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.audit.registry import RULES
from runbook_lib.audit.report import AuditReport

jsonschema: Any = pytest.importorskip("jsonschema")
Audit = Callable[[Mapping[str, str]], AuditReport]
TOKEN = "hf_" + "aB3dE6gH9j" * 3 + "kL5m"
FILES = {
    "a b/start.sh": "sudo uvicorn app\nchmod 777 /models\n",
    ".env": f"HF_TOKEN={TOKEN}\n",
    "old.py": "print snapshot_download('x')\n",
    "a&b.sh": "chmod 777 /models\n",
}
SARIF_SCHEMA = Path(__file__).with_name("schemas") / "sarif-2.1.0-rtm.5.json"
"""OASIS's schema of SARIF 2.1.0, as the npm package @microsoft/jest-sarif 1.0.0-beta.0 carries it; no descriptions."""


@pytest.fixture
def report(audit_tree: Audit) -> AuditReport:
    return audit_tree(FILES)


def test_text_names_severity_place_rule_and_remedy(report: AuditReport) -> None:
    text = str(report)
    assert "2 errors, 2 warnings, 0 notes in 4 files read; 0 suppressed; 1 path not read" in text
    assert "error     a b/start.sh:1  admin-launch" in text
    assert RULES["admin-launch"].remedy.split(";", maxsplit=1)[0] in text
    assert "old.py" in text
    assert text.isascii()


def test_the_notebook_gets_escaped_html_and_the_same_text(report: AuditReport) -> None:
    bundle = report._repr_mimebundle_()
    assert bundle["text/plain"] == str(report)
    assert "a&amp;b.sh" in bundle["text/html"]
    assert "a&b" not in bundle["text/html"]


def test_no_form_of_the_report_holds_the_token(report: AuditReport) -> None:
    assert "token-in-file" in {one.rule_id for one in report.findings}
    forms = [str(report), repr(report), report.model_dump_json(), json.dumps(report.to_sarif())]
    assert [TOKEN[3:] in form for form in forms] == [False] * 4


def test_json_comes_back_as_the_same_report(report: AuditReport) -> None:
    data = json.loads(report.model_dump_json())
    assert data["schema_version"] == 1
    assert data["worst"] == "error"
    assert AuditReport.model_validate(data) == report
    assert set(data["findings"][0]) == {
        *("rule_id", "severity", "path", "line", "column", "end_line", "message", "remedy", "quirk")
    }


def test_sarif_is_valid_by_the_official_schema(report: AuditReport) -> None:
    log = report.to_sarif()
    validator = jsonschema.Draft4Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8")))
    validator.validate(log)
    assert not validator.is_valid({**log, "version": "2.0.0"})
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one["ruleId"] for one in run["results"]]
    assert len(run["results"]) == len(report.findings) == 4
    paths = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert paths == [".env", "a%20b/start.sh", "a%20b/start.sh", "a%26b.sh"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith(
        "not read: read as text"
    )


def test_an_empty_report_says_so(audit_tree: Audit) -> None:
    report = audit_tree({"x.sh": "true\n"})
    assert report.worst is None
    assert "nothing found" in str(report)
    assert report.to_sarif()["runs"][0]["results"] == []


def test_two_audits_of_the_same_files_are_equal(audit_tree: Audit) -> None:
    assert audit_tree(FILES) == audit_tree(FILES)
    assert str(audit_tree(FILES)) == str(audit_tree(FILES))

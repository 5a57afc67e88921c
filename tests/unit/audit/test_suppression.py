"""Comments that suppress a rule on a line."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.report import AuditReport

Audit = Callable[[Mapping[str, str]], AuditReport]

SUPPRESSED = {
    "same line, shell": {"x.sh": "chmod 777 /models  # runbook: ignore[world-writable]\n"},
    "line above, shell": {"x.sh": "# runbook: ignore[world-writable]\n\n# why\nchmod 777 /models\n"},
    "two rules": {"x.sh": "sudo uvicorn a && chmod 777 /models  # runbook: ignore[world-writable, admin-launch]\n"},
    "batch rem": {"x.bat": "REM runbook: ignore[admin-launch]\nrunas /user:Administrator uvicorn\n"},
    "batch colons": {"x.cmd": ":: runbook: ignore[admin-launch]\nrunas /user:Administrator uvicorn\n"},
    "powershell": {"x.ps1": "Start-Process a -Verb RunAs # runbook: ignore[admin-launch]\n"},
    "dockerfile, above": {"Dockerfile": "FROM a\n# runbook: ignore[container-root]\nUSER root\nCMD uvicorn app\n"},
    "dockerfile, within": {
        "Dockerfile": "FROM a\nRUN x && \\\n  # runbook: ignore[world-writable]\n  chmod 777 /models\n"
    },
    "dockerfile, whole instruction": {
        "Dockerfile": "FROM a\n# runbook: ignore[world-writable]\nRUN x && \\\n  chmod 777 /models\n"
    },
    "yaml": {"ci.yml": "a:\n  - run: chmod 777 /models # runbook: ignore[world-writable]\n"},
    "python, end of statement": {
        "x.py": "DocumentConverter(\n    model_path='/m',\n)  # runbook: ignore[converter-argument]\n"
    },
    "python, in the handler": {
        "x.py": "try:\n    download_models()\nexcept OSError:\n    pass  # runbook: ignore[swallowed-download-error]\n"
    },
    "requirements": {"requirements.txt": "docling  # runbook: ignore[open-version]\n"},
    "toml": {"pyproject.toml": '[project]\ndependencies = [\n  "docling", # runbook: ignore[open-version]\n]\n'},
    "markdown": {"a.md": "<!-- runbook: ignore[developer-mode] -->\nOn Windows enable Developer Mode.\n"},
    "ini": {"a.reg": '; runbook: ignore[developer-mode]\n"AllowDevelopmentWithoutDevLicense"=dword:1\n'},
}


@pytest.mark.parametrize("files", SUPPRESSED.values(), ids=SUPPRESSED)
def test_a_comment_suppresses_its_rule(files: Mapping[str, str], audit_tree: Audit) -> None:
    report = audit_tree(files)
    assert report.findings == ()
    assert report.suppressed >= 1


def test_a_suppression_speaks_of_its_own_line_and_rule_only(audit_tree: Audit) -> None:
    report = audit_tree({"x.sh": "chmod 777 /models  # runbook: ignore[admin-launch]\nchmod 777 /models\n"})
    assert [(one.rule_id, one.line) for one in report.findings] == [
        ("unused-suppression", 1),
        ("world-writable", 1),
        ("world-writable", 2),
    ]


def test_a_suppression_for_a_rule_that_does_not_exist_is_reported(audit_tree: Audit) -> None:
    [finding] = audit_tree({"x.sh": "true  # runbook: ignore[no-such-rule]\n"}).findings
    assert (finding.rule_id, finding.severity.value, finding.message) == (
        "unused-suppression",
        "note",
        "no rule is named 'no-such-rule'",
    )


def test_a_suppression_for_a_rule_that_was_not_selected_is_not_called_unused(tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text("# runbook: ignore[admin-launch]\nchmod 777 /models\n", encoding="utf-8")
    report = audit(tmp_path, select=["world-writable", "unused-suppression"])
    assert [one.rule_id for one in report.findings] == ["world-writable"]


def test_what_only_looks_like_a_suppression_is_none(audit_tree: Audit) -> None:
    report = audit_tree(
        {
            "x.py": 'a = \'\u00fc # runbook: ignore[admin-launch]\'\nb = """\n# runbook: ignore[nothing]\n"""\n',
            "x.md": "Write `# runbook: ignore[admin-launch]`.\n\n```text\nx # runbook: ignore[admin-launch]\n```\n",
        }
    )
    assert report.findings == ()


def test_a_suppression_in_a_notebook_cell_counts(audit_tree: Audit) -> None:
    cell = '{"cell_type": "code", "source": ["!chmod 777 /models  # runbook: ignore[world-writable]"]}'
    report = audit_tree({"x.ipynb": f'{{"cells": [{cell}]}}'})
    assert report.findings == ()
    assert report.suppressed == 1

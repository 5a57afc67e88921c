"""Small repositories to audit."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.report import AuditReport

Audit = Callable[[Mapping[str, str]], AuditReport]


@pytest.fixture
def write_tree(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write files (path to text) into a folder and return it."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "repository"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        return root

    return write


@pytest.fixture
def audit_tree(write_tree: Callable[[Mapping[str, str]], Path]) -> Audit:
    """Audit files given as path to text."""
    return lambda files: audit(write_tree(files))

"""A repository that does what the first quirk note says not to do, and what its own recipes got wrong."""

from collections.abc import Callable, Mapping

import pytest

from runbook_lib.audit.report import AuditReport

Audit = Callable[[Mapping[str, str]], AuditReport]

RUNAS = '# BAD: Security risk\nrunas /user:Administrator "uvicorn app.main:app"\n'
IGNORED = """# BAD: Service starts but fails on actual processing
try:
    model_manager.ensure_models_downloaded()
except Exception:
    pass  # Hope for the best
"""
DEVELOPER_MODE = """# BAD: Requires Windows 10+ Developer Mode, not available in containers
# Settings \u2192 Update & Security \u2192 For Developers \u2192 Developer Mode
"""
MANAGER = """import os
from huggingface_hub import snapshot_download


class DoclingModelManager:
    def ensure_models_downloaded(self) -> None:
        if os.name == 'nt':
            os.environ['HF_HUB_DISABLE_SYMLINKS_WARNING'] = '1'
            try:
                from huggingface_hub import constants
                constants.HF_HUB_DISABLE_SYMLINKS = True
            except Exception as e:
                self.logger.warning(f"Could not disable HF symlinks: {e}")
        snapshot_download(repo_id=model_name, local_files_only=False, resume_download=True)
"""
DOCKERFILE = """FROM python:3.11
RUN pip install docling
ENV HF_HUB_DISABLE_SYMLINKS_WARNING=1
RUN python -c "from huggingface_hub import snapshot_download; \\
    snapshot_download('ds4sd/docling-layout-heron')"
"""
LOCAL = "converter = DocumentConverter(\n    model_path='/app/models/docling-layout-heron'\n)\n"
FILES = {
    "scripts/start.sh": RUNAS,
    "app/start.py": IGNORED,
    "scripts/setup.ps1": DEVELOPER_MODE,
    "app/manager.py": MANAGER,
    "Dockerfile": DOCKERFILE,
    "app/local.py": LOCAL,
}
EXPECTED = {
    ("error", "admin-launch", "scripts/start.sh", 2),
    ("error", "swallowed-download-error", "app/start.py", 4),
    ("warning", "developer-mode", "scripts/setup.ps1", 1),
    ("warning", "developer-mode", "scripts/setup.ps1", 2),
    ("warning", "warning-variable-only", "app/manager.py", 8),
    ("error", "variable-after-import", "app/manager.py", 8),
    ("error", "hub-constant-patched", "app/manager.py", 11),
    ("warning", "resume-download", "app/manager.py", 14),
    ("warning", "open-revision", "app/manager.py", 14),
    ("warning", "open-version", "Dockerfile", 2),
    ("warning", "warning-variable-only", "Dockerfile", 3),
    ("warning", "open-revision", "Dockerfile", 5),
    ("warning", "old-repository-name", "Dockerfile", 5),
    ("error", "converter-argument", "app/local.py", 1),
}


def test_everything_the_note_gets_wrong_is_found_where_it_stands(audit_tree: Audit) -> None:
    report = audit_tree(FILES)
    found = {(one.severity.value, one.rule_id, one.path, one.line) for one in report.findings}
    assert found == EXPECTED
    assert report.worst is not None
    assert report.worst.value == "error"


@pytest.mark.parametrize(
    ("language", "text", "rule_id", "offset"),
    [
        ("bash", RUNAS, "admin-launch", 2),
        ("python", IGNORED, "swallowed-download-error", 4),
        ("powershell", DEVELOPER_MODE, "developer-mode", 1),
    ],
)
def test_the_same_is_found_in_the_code_blocks_of_a_document(
    language: str, text: str, rule_id: str, offset: int, audit_tree: Audit
) -> None:
    report = audit_tree({"docs/note.md": f"# Note\n\n```{language}\n{text}```\n"})
    assert (rule_id, 3 + offset) in {(one.rule_id, one.line) for one in report.findings}
    assert {one.rule_id for one in report.findings} == {rule_id}

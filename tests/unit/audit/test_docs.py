"""The page about the rules."""

import runpy
from pathlib import Path

from runbook_lib.audit.registry import RULES
from runbook_lib.core.masking import HUB_TOKEN

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_about_the_rules_is_current() -> None:
    render = runpy.run_path(str(ROOT / "tools" / "make_audit_docs.py"))["render"]
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    assert page == render(), "run: python tools/make_audit_docs.py"
    assert all(f"\n## {rule_id}\n" in page for rule_id in RULES)
    assert not HUB_TOKEN.search(page)

"""docs/quirks.md is what the catalogue says."""

import subprocess
import sys
from pathlib import Path

from runbook_lib.quirks.catalogue import load_catalogue

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "quirks.md"


def test_the_page_is_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "make_quirk_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_shows_every_quirk_with_its_remedies_and_marks_what_is_unproven() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for quirk in load_catalogue():
        assert f'<a id="{quirk.id}"></a>' in page
        assert quirk.cause in page
        assert all(remedy.text in page for remedy in quirk.remedies)
        assert all(sentence in page for sentence in quirk.hypotheses)

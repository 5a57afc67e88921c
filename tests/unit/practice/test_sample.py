"""The packaged sample document."""

import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from runbook_lib.practice.sample import SAMPLE_PAGE_COUNT, SAMPLE_SENTENCES, sample_document


def test_the_sample_has_its_pages_and_its_sentences_in_plain_ascii() -> None:
    with pypdfium2.PdfDocument(sample_document()) as document:
        assert len(document) == SAMPLE_PAGE_COUNT
        text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    assert [sentence for sentence in SAMPLE_SENTENCES if sentence not in text] == []
    assert text.isascii()
    assert sample_document().stat().st_size < 100_000


def test_the_sample_is_what_its_script_writes(tmp_path: Path) -> None:
    pytest.importorskip("reportlab")
    script = Path(__file__).parents[3] / "tools" / "make_sample_pdf.py"
    target = tmp_path / "again.pdf"
    subprocess.run([sys.executable, str(script), str(target)], check=True, capture_output=True, timeout=60)
    assert target.read_bytes() == sample_document().read_bytes()

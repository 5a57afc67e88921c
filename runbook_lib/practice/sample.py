"""The sample documents: a brief of two pages on WinError 1314 (tools/make_sample_pdf.py), and a scanned page."""

from pathlib import Path
from typing import Final

SAMPLE_PAGE_COUNT: Final = 2

SAMPLE_SENTENCES: Final[tuple[str, ...]] = (
    "What went wrong on Windows",
    "OSError: [WinError 1314] A required privilege is not held by the client",
    "A second start often works. That is the most useful clue.",
    "Figure 1. Worker 1 publishes its guess before the trial ends; worker 2 acts on the guess.",
    "What each kind of link costs",
    "Move to version 1.33 or later, where the race is gone.",
    "Verify every file against its checksum without the network.",
    "A document converts on this machine, now, with the network cut off.",
)
"""Text that a conversion to Markdown must contain, from both pages; each stands on one line of the document, so it
survives a layout model that joins no lines to paragraphs."""


def sample_document() -> Path:
    """Return the packaged PDF."""
    return Path(__file__).parent / "sample" / "what_went_wrong_on_windows.pdf"


SCAN_SENTENCES: Final[tuple[str, ...]] = (
    "Delivery note 1314",
    "Three models for a machine without a network.",
    "These lines are a picture: only OCR can read them.",
    "A detector, a classifier and a recogniser have to work together.",
)
"""Text that OCR has to find on the scanned page; nothing of it is in the file as letters."""


def scanned_page() -> Path:
    """Return the packaged scan: one page, a picture and no text (tools/make_scanned_page.py)."""
    return Path(__file__).parent / "sample" / "a_scanned_page.pdf"

"""The summary as plain text for mail and chat, the verdict first: `summary.txt` in the run folder."""

from typing import Final

from runbook_lib.headless.summary import RunSummary
from runbook_lib.render.sections import Note
from runbook_lib.render.text import to_text

TWIN_NAME: Final = "summary.txt"
_VERDICT: Final = "Verdict"


def plain_text(summary: RunSummary) -> str:
    """Return the sections of the summary with the verdict before the stages."""
    sections = sorted(summary.sections(), key=lambda one: not (isinstance(one, Note) and one.title == _VERDICT))
    return to_text(sections) + "\n"

"""The pages of a converted document beside what docling read on them."""

from collections.abc import Iterator

from runbook_lib.render.rendered import Shown, show
from runbook_lib.render.sections import Figure, Note, Section, Spread
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.convert.facts import ConvertedPage, ConvertFacts

MOST_PAGES = 4
"""More pages would make the notebook too big to be looked at; they stand in the run's folder all the same."""


def page_spreads(run: OpenRun, record: StageRecord[ConvertFacts], most_pages: int = MOST_PAGES) -> Shown:
    """Return each page with its layout boxes, numbered in reading order, beside its Markdown."""
    drawn = (page for document in record.facts.documents for page in document.pictures)
    pages = [page for page in drawn if page.name and page.markdown]
    shown = tuple(_spreads(run, record, pages[:most_pages]))
    return show(*shown, *_rest(run, len(pages) - len(shown)))


def _spreads(run: OpenRun, record: StageRecord[ConvertFacts], pages: list[ConvertedPage]) -> Iterator[Section]:
    alternatives = {artifact.name: artifact.alternative for artifact in record.artifacts}
    for page in pages:
        title, name = f"Page {page.page_no}", str(page.name)
        picture = Figure(title, (run.folder / name).read_bytes(), alternatives.get(name, title))
        yield Spread(f"{title}: what docling saw, and what it read", picture, run.text(str(page.markdown)))


def _rest(run: OpenRun, number: int) -> Iterator[Note]:
    if number:
        yield Note("Further pages", (f"{number} more stand in {run.folder} as page-N.png and page-N.md.",))

"""Pages beside their Markdown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.render.sections import Note, Spread
from runbook_lib.run.check import Artifact
from runbook_lib.run.opening import OpenRun, open_run
from runbook_lib.run.record import StageRecord
from runbook_lib.stages.convert.facts import ConvertedDocument, ConvertedPage, ConvertFacts
from runbook_lib.stages.convert.spreads import page_spreads


@pytest.fixture
def run(tmp_path: Path) -> OpenRun:
    return open_run(run_dir=str(tmp_path / "run"), hub="http://127.0.0.1:9")


def converted(run: OpenRun, count: int, **changes: Any) -> StageRecord[ConvertFacts]:
    pages, artifacts = [], []
    for number in range(1, count + 1):
        page = ConvertedPage(page_no=number, name=f"page-{number}.png", boxes=(), markdown=f"page-{number}.md")
        (run.folder / str(page.name)).write_bytes(b"\x89PNG")
        (run.folder / str(page.markdown)).write_text(f"# Page {number}\n<script>", encoding="utf-8")
        pages.append(page.model_copy(update=changes))
        artifacts.append(Artifact(name=str(page.name), title="t", alternative=f"boxes of {number}"))
    done = ConvertedDocument(name="d.pdf", status="success", pictures=tuple(pages))
    facts = ConvertFacts(document="d.pdf", ocr=False, ocr_reason="", documents=(done,))
    return record_of(facts, tuple(artifacts))


def record_of(facts: ConvertFacts, artifacts: tuple[Artifact, ...] = ()) -> StageRecord[ConvertFacts]:
    when = datetime(2025, 1, 2, tzinfo=UTC)
    return StageRecord[ConvertFacts](stage="convert", started_at=when, elapsed_s=1.0, facts=facts, artifacts=artifacts)


def test_each_page_stands_beside_its_markdown(run: OpenRun) -> None:
    spreads = page_spreads(run, converted(run, 2)).sections()
    assert [spread.figure.alternative for spread in spreads if isinstance(spread, Spread)] == [
        "boxes of 1",
        "boxes of 2",
    ]
    html = page_spreads(run, converted(run, 2))._repr_mimebundle_()["text/html"]
    assert "<h1>Page 2</h1>" in html
    assert "<script>" not in html


def test_a_long_document_is_shown_in_part_and_says_where_the_rest_is(run: OpenRun) -> None:
    *spreads, note = page_spreads(run, converted(run, 6), most_pages=4).sections()
    assert len(spreads) == 4
    assert note == Note("Further pages", (f"2 more stand in {run.folder} as page-N.png and page-N.md.",))


@pytest.mark.parametrize("changes", [{"name": None}, {"markdown": None}])
def test_a_page_without_picture_or_markdown_is_left_out(run: OpenRun, changes: dict[str, Any]) -> None:
    assert page_spreads(run, converted(run, 1, **changes)).sections() == ()


def test_a_conversion_that_failed_shows_nothing(run: OpenRun) -> None:
    facts = ConvertFacts(document="d.pdf", ocr=False, ocr_reason="", problem="it died")
    assert page_spreads(run, record_of(facts)).sections() == ()

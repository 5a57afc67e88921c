"""The page of a fleet: its one script sorts and filters, and its policy lets nothing else run."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from runbook_lib.fleet.report.ask import parse_upgrade, report_of
from runbook_lib.fleet.report.page import write_page
from runbook_lib.fleet.report.store import opened_store
from tests.inputs.simulated_fleet import write_folders

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    write_folders(120, tmp_path / "records")
    (tmp_path / "records" / "host-0000007" / "host.json").write_text(
        '{"host": "<img src=x onerror=document.title=1>", "status": "fail", "why": "<script>alert(1)</script>"}',
        encoding="utf-8",
    )
    with opened_store() as store:
        report = report_of(store, [str(tmp_path / "records")], upgrades=[parse_upgrade("huggingface_hub=2.4.0")])
    write_page(report, tmp_path / "fleet.html")
    return tmp_path / "fleet.html"


def test_tables_are_sorted_and_filtered_and_nothing_else_runs(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(page_file.as_uri())
    hosts = page.locator("#hosts")
    sizes = hosts.locator("thead button", has_text="on disk")
    place = 7
    for down in (False, True):
        sizes.click()
        cells = hosts.locator(f"tbody tr td:nth-child({place + 1})")
        values = [int(value or -1) for value in cells.evaluate_all("cells => cells.map(c => c.dataset.value ?? '')")]
        assert values == sorted(values, reverse=down)
        assert len(values) == 120
    page.locator('input[data-for="hosts"]').fill("windows quirk-001")
    shown = hosts.locator("tbody tr:visible")
    assert 0 < shown.count() < 120
    assert all("quirk-001" in text and "Windows" in text for text in shown.all_inner_texts())
    page.locator('input[data-for="hosts"]').fill("onerror")
    assert shown.count() == 1
    assert page.title().startswith("Docling model runbook")
    assert told == []
    page.close()

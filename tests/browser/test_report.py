"""The report as it is read: on a telephone, on a desk, in the dark, on paper."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it comes without types
from playwright.sync_api import Browser, Page
from pydantic import JsonValue

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.headless.report import write_report
from runbook_lib.headless.summary import StageOutcome, summarise
from runbook_lib.render.charts import byte_bars
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import Run
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.target import Places
from tests.browser.conftest import ARTIFACTS

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WIDTHS = (390, 768, 1280)
CACHE = "/srv/caches-of-this-machine/docling-runbook/drills/corrupt/hub/models--docling-project--docling-layout-heron"
MACHINE = {"system": "Windows", "release": "11", "architecture": "AMD64"}
PACKAGES = {"docling": "2.61.2", "huggingface-hub": "1.26.0", "torch": "2.9.1"}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The report of a run that failed in verify, with long names, warnings, a chart and fifty checks that are well."""
    places = Places(Path(CACHE), Path(CACHE), practice=True)
    settings: dict[str, JsonValue] = {"hub": "practice", "drill": "corrupt", "offline": False}
    origins = {"hub": "parameter", "drill": "parameter", "offline": "default"}
    run = Run.create(tmp_path / "20261127T144842.506267Z-a-machine", settings, origins, places)
    chart = run.add_artifact(
        "disk.png", byte_bars("On disk", {"cache": 54_600_000, "artifacts": 27_200_000}).png, "On disk"
    )
    well = tuple(_check(Status.OK, f"check-{number}", evidence=f"{CACHE}/{number}: seen") for number in range(50))
    warned = _check(Status.WARN, "symlinks", quirk="quirk-001", remedy="Set HF_HUB_DISABLE_SYMLINKS_WARNING=1.")
    facts = {"machine": MACHINE, "interpreter": {"packages": PACKAGES}}
    _save(run, "detect", *well, warned, facts=facts)
    failed = _check(
        Status.FAIL,
        "snapshot",
        evidence=f"{CACHE}/snapshots/95a2a14695e5f767d4eecf66071656ab99b644af/model.safetensors: wrong hash",
        remedy="Run runbook repair: it moves the file aside; or use a mirror with -p hub URL.",
        fixed_by=FixedBy.REPAIR,
    )
    _save(run, "verify", failed, *well[:10], artifacts=(chart,))
    outcomes = [
        StageOutcome("detect", Status.WARN, 4.2, "51 checks; warning, does not hold: symlinks work"),
        StageOutcome("verify", Status.FAIL, 19.4, "does not hold: snapshot is unchanged", failed_check=failed),
        StageOutcome("convert", Status.SKIP, 0.0, "skipped: an earlier stage failed"),
    ]
    return write_report(run, summarise(run, outcomes))


def _check(status: Status, identifier: str, **fields: object) -> Check:
    values = {"title": f"what {identifier} asks is so", "evidence": "seen", **fields}
    return Check.model_validate({"id": identifier, "status": status, **values})


def _save(run: Run, stage: str, *checks: Check, facts: object = None, **fields: object) -> None:
    values = {"stage": stage, "started_at": datetime.now(UTC), "elapsed_s": 1.5, "checks": checks, "facts": facts or {}}
    run.save(StageRecord[RawFacts].model_validate(values | fields))


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """A tab with the report; a request to anywhere and what the page's policy refuses fail the test."""
    said: list[str] = []
    with browser.new_context() as context:
        opened = context.new_page()
        opened.on("console", lambda message: said.append(message.text))
        opened.on("request", lambda request: said.append(request.url) if not _own(request.url) else None)
        opened.goto(report.as_uri())
        ARTIFACTS.mkdir(exist_ok=True)
        yield opened
        assert said == []


def _own(url: str) -> bool:
    return url.startswith(("file:", "data:"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_off_the_screen_and_everything_can_be_read(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    page.screenshot(path=ARTIFACTS / f"report-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
    assert page.evaluate(f"{beyond}.map(e => e.outerHTML.slice(0, 80))") == []
    names = "[...document.querySelectorAll('.name, .option, .status')].filter(e => e.getClientRects().length > 1)"
    assert page.evaluate(f"{names}.map(e => e.textContent)") == [], "a name or an option is broken"
    violations = Axe().run(page).response["violations"]
    assert [(found["id"], [node["html"][:90] for node in found["nodes"]]) for found in violations] == []


def test_what_is_well_is_folded_and_a_command_is_copied_as_one_line(page: Page) -> None:
    assert page.get_by_text("50 checks need no action").is_visible()
    assert not page.get_by_text("what check-7 asks is so").first.is_visible()
    commands = page.locator("code.command").all_inner_texts()
    assert commands[0].startswith("runbook repair --run-dir /")
    assert all("\n" not in command for command in commands)


def test_a_chart_stands_on_the_ground_of_the_page(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    grounds = page.eval_on_selector_all("img", "found => found.map(e => getComputedStyle(e).backgroundColor)")
    assert set(grounds) == {"rgba(0, 0, 0, 0)"}


def test_on_paper_what_is_folded_is_open_and_no_heading_ends_a_page(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.get_by_text("what check-7 asks is so").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    after = page.eval_on_selector_all("h2, h3", "found => found.map(e => getComputedStyle(e).breakAfter)")
    assert set(after) == {"avoid"}
    page.screenshot(path=ARTIFACTS / "report-print.png", full_page=True)
    page.pdf(path=ARTIFACTS / "report.pdf", format="A4")

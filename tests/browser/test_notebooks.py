"""What a person does in JupyterLab, done by a browser."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it comes without types
from playwright.sync_api import Page, expect

from runbook_lib.run.folder import RunState
from tests.browser.conftest import ARTIFACTS, Lab, NotebookPage
from tests.unit.history.run_folders import FACTS, MakeRun

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LAYOUT = "docling-project/docling-layout-heron"
FOLDER_NAME = LAYOUT.replace("/", "--")
DOWNLOAD = """
import json, sys
from runbook_lib import download, open_run
download(open_run(**json.loads(sys.argv[1]))).require()
"""


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Parameters that give a notebook a run, a cache and an artifacts folder of its own."""
    return {
        "run_dir": str(tmp_path / "run"),
        "hub": "practice",
        "models": LAYOUT,
        "cache_dir": str(tmp_path / "hub"),
        "artifacts_dir": str(tmp_path / "artifacts"),
    }


@pytest.fixture
def downloaded(places: dict[str, str]) -> dict[str, str]:
    """The same, with the model in place."""
    subprocess.run([sys.executable, "-c", DOWNLOAD, json.dumps(places)], check=True)
    return places


def test_the_settings_form_refuses_a_bad_value_as_it_is_typed(notebook: NotebookPage, lab: Lab, tmp_path: Path) -> None:
    notebook.open(lab.add("form.ipynb", "00_start_here", run_dir=str(tmp_path / "run")))
    notebook.run_all()
    field = notebook.page.get_by_label("hub", exact=True)
    expect(field).to_have_value("practice")
    notebook.sees("from environment")
    field.fill("ftp://mirror")
    notebook.sees("Cannot be used:")
    notebook.sees("Not usable yet:")
    field.scroll_into_view_if_needed()
    notebook.shoot("settings-refused")
    field.fill("https://mirror.example")
    notebook.sees("Changed here:")
    expect(notebook.page.get_by_text("Cannot be used:")).to_have_count(0)
    expect(notebook.page.get_by_role("button", name="Run all six stages")).to_be_enabled()
    expect(notebook.page.get_by_text("official Jupyter news")).to_have_count(0)


def test_the_run_button_leads_to_a_proof_and_an_accessible_report(
    notebook: NotebookPage, lab: Lab, tmp_path: Path
) -> None:
    name = lab.add("run.ipynb", "00_start_here", run_dir=str(tmp_path / "run"))
    keep_until(lab.workspace / name, "00-31")
    notebook.open(name)
    notebook.run_all()
    notebook.press("Run all six stages")
    notebook.sees("running")
    expect(notebook.page.get_by_role("button", name="Run all six stages")).to_be_disabled()
    notebook.sees("A document converts on this machine, now, with the network cut off", limit_s=240)
    notebook.page.get_by_text("Verdict").first.scroll_into_view_if_needed()
    notebook.shoot("run-finished")
    page = notebook.page.context.new_page()
    page.goto((tmp_path / "run" / "report.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("Practice: Docling model runbook")
    assert_pictures_are_described(page)
    assert_no_violations(page)
    assert_every_link_can_be_reached_by_keyboard(page)
    page.screenshot(path=ARTIFACTS / "browser-report.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    assert_no_violations(page)
    page.screenshot(path=ARTIFACTS / "browser-report-dark.png", full_page=True)


def assert_pictures_are_described(page: Page) -> None:
    alternatives = page.locator("img").evaluate_all("pictures => pictures.map(picture => picture.alt)")
    assert len(alternatives) >= 2
    assert all(len(alternative) > 10 for alternative in alternatives)
    widths = page.locator("img").evaluate_all("pictures => pictures.map(picture => picture.naturalWidth)")
    assert all(width > 100 for width in widths), "every picture is drawn"


def assert_no_violations(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def assert_every_link_can_be_reached_by_keyboard(page: Page) -> None:
    links = set(page.locator("a[href]").evaluate_all("links => links.map(link => link.href)"))
    assert links
    reached = set()
    for _ in range(len(links) * 2 + 30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.href || ''"))
    assert links <= reached


def test_a_damaged_model_is_fixed_by_its_button(notebook: NotebookPage, lab: Lab, downloaded: dict[str, str]) -> None:
    weights = Path(downloaded["artifacts_dir"], FOLDER_NAME, "model.safetensors")
    good = weights.read_bytes()
    weights.write_bytes(good[:5000] + bytes([good[5000] ^ 1]) + good[5001:])
    notebook.open(lab.add("fix.ipynb", "04_verify", **downloaded))
    notebook.run_all()
    notebook.sees("Stage verify: fail")
    notebook.sees("written through a hard link")
    notebook.page.get_by_role("button", name="Fix ...").first.scroll_into_view_if_needed()
    notebook.shoot("check-failed")
    notebook.press("Fix ...")
    notebook.sees("names go to quarantine")
    notebook.shoot("fixing-planned")
    assert weights.read_bytes() != good, "a plan changes nothing"
    notebook.press("Do this")
    notebook.sees("Stage verify: ok", limit_s=60)
    notebook.sees("Repair: ok")
    expect(notebook.page.get_by_role("button", name="Fix ...")).to_have_count(0)
    assert weights.read_bytes() == good


def test_cancelling_a_download_leaves_a_clean_cache(notebook: NotebookPage, lab: Lab, places: dict[str, str]) -> None:
    slowly = """
import os
os.environ["RUNBOOK_PRACTICE_PAD_MB"] = "80"
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.server import running_hub
running_hub(pad_bytes=80_000_000, head="second").play(Fault("slow", "*.safetensors", bytes_per_s=10_000_000))
download_limit_s = 60.0
"""
    name = lab.add("cancel.ipynb", "03_download", code=slowly, **places)
    keep_until(lab.workspace / name, "03-04")
    notebook.open(name)
    notebook.run_all()
    notebook.press("Download")
    notebook.sees(re.compile(r"MB/s, .* left"))
    partial = list(Path(places["cache_dir"]).rglob("*.incomplete"))
    assert partial, "the download is in the middle"
    notebook.shoot("download-running")
    notebook.press("Cancel")
    notebook.sees("Cancelled.")
    notebook.sees("stopped on request")
    assert list(Path(places["cache_dir"]).rglob("*.incomplete")) == []
    broken = [path for path in Path(places["cache_dir"]).rglob("*") if not path.exists()]
    assert broken == []
    notebook.choose("Run", "Run All Cells")
    notebook.sees(re.compile(r"81\.\d MB"))


def keep_until(path: Path, cell_id: str) -> None:
    """Cut a notebook behind a cell."""
    notebook = nbformat.read(path, as_version=4)
    last = next(index for index, cell in enumerate(notebook.cells) if cell["id"] == cell_id)
    notebook.cells = notebook.cells[: last + 1]
    nbformat.write(notebook, path)


def test_the_cache_can_be_looked_through_and_a_revision_deleted(
    notebook: NotebookPage, lab: Lab, downloaded: dict[str, str]
) -> None:
    notebook.open(lab.add("cache.ipynb", "06_measure_disk", **downloaded))
    notebook.choose("Settings", "Theme", "JupyterLab Dark")
    notebook.run_all()
    notebook.page.get_by_label(f"{LAYOUT} at").first.check()
    notebook.press("Delete ticked ...")
    notebook.sees("Deleted for good")
    notebook.page.get_by_role("button", name="Do this").scroll_into_view_if_needed()
    notebook.shoot("cache-browser-dark")
    notebook.press("Do this")
    notebook.sees("were freed")
    notebook.choose("Settings", "Theme", "JupyterLab Light")
    assert not Path(downloaded["cache_dir"], f"models--{FOLDER_NAME}").exists()


def test_a_pasted_error_is_named(notebook: NotebookPage, lab: Lab) -> None:
    notebook.open(lab.add("diagnose.ipynb", "90_troubleshoot", error=""))
    notebook.run_all()
    box = notebook.page.locator("textarea.widget-input, .jupyter-widgets textarea").first
    box.fill("OSError: [WinError 1314] A required privilege is not held by the client: 'a' -> 'b'")
    notebook.press("Diagnose")
    notebook.sees(re.compile("recognised: .*quirk-001"))
    notebook.shoot("diagnosis")


def test_earlier_runs_are_shown_and_compared(notebook: NotebookPage, lab: Lab, home: Path, make_run: MakeRun) -> None:
    newer = {**FACTS["detect"], "interpreter": {"packages": {"docling": "2.150.0"}}}
    make_run(1)
    make_run(0, facts={"detect": newer}, convert="fail", state=RunState.FAILED, problem="no luck")
    notebook.open(lab.add("runs.ipynb", "90_troubleshoot", runs=str(home)))
    notebook.run_all()
    notebook.page.get_by_label("only failed runs").check()
    expect(notebook.page.get_by_label("run", exact=True).locator("option")).to_have_count(1)
    notebook.press("What changed")
    notebook.sees("2.150.0")
    notebook.press("Show this run")
    notebook.sees("What needed a hand")
    notebook.shoot("runs")

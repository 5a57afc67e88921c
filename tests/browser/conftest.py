"""A real JupyterLab in a real Chromium: Debian's, driven by Playwright, with every address but loopback unknown."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from runbook_lib.notebooks import find_notebook
from runbook_lib.workers.process_tree import end_tree
from tests.loopback_ports import address_of_lab

ARTIFACTS = Path(__file__).parent.parent.parent / "test-artifacts"
HOW = "the browser lane needs chromium; get it with: apt-get install --no-install-recommends chromium"
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
LAB_SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
"""Every cell in the page, also what is scrolled away."""
_START_LIMIT_S = 90.0
_CELL_LIMIT_MS = 120_000


@dataclass(frozen=True)
class Lab:
    """A running `runbook lab`."""

    url: str
    token: str
    workspace: Path

    def add(self, name: str, stem: str, *, code: str = "", **parameters: object) -> str:
        """Put a copy of a notebook into the workspace, with parameters injected as by papermill, without outputs."""
        notebook = nbformat.read(find_notebook(stem), as_version=4)
        notebook.metadata["kernelspec"]["name"] = "runbook"
        given = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
        tagged = next(
            index for index, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ())
        )
        notebook.cells.insert(tagged + 1, nbformat.v4.new_code_cell(f"{given}\n{code}"))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, self.workspace / name)
        return name


class NotebookPage:
    """A notebook in a tab, and what a person does with it."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self._lab = lab
        self.console: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def open(self, name: str) -> None:
        """Open the notebook in a fresh workspace of JupyterLab and wait for its kernel."""
        self.page.goto(f"{self._lab.url}/lab/tree/notebooks/{name}?reset&token={self._lab.token}")
        expect(self.page.get_by_text("Docling model runbook | Idle")).to_be_visible(timeout=_CELL_LIMIT_MS)

    def run_all(self) -> None:
        """Run every cell and wait for the end, which may be a failed one."""
        self.choose("Run", "Run All Cells")
        prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt")
        expect(prompts.first).to_have_text("[1]:", timeout=_CELL_LIMIT_MS)
        expect(prompts.filter(has_text="[*]:")).to_have_count(0, timeout=_CELL_LIMIT_MS)

    def choose(self, menu: str, *entries: str) -> None:
        """Choose from JupyterLab's menus."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        *submenus, entry = entries
        for submenu in submenus:
            self._menu_entry(submenu).hover()
        self._menu_entry(entry).click()

    def _menu_entry(self, label: str) -> Locator:
        return self.page.locator(".lm-Menu-itemLabel").filter(has_text=re.compile(f"^{re.escape(label)}$"))

    def press(self, label: str) -> None:
        """Press the first button of that name."""
        self.page.get_by_role("button", name=label, exact=True).first.click()

    def sees(self, words: str | re.Pattern[str], limit_s: float = 30.0) -> None:
        """Wait for words in the outputs."""
        found = self.page.locator(".jp-Cell-outputArea").get_by_text(words).first
        expect(found).to_be_visible(timeout=limit_s * 1000)

    def shoot(self, name: str) -> None:
        """Keep a picture."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"browser-{name}.png")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(message.text)


@pytest.fixture(scope="session")
def chromium() -> Path:
    found = shutil.which("chromium")
    if found:
        return Path(found)
    if os.environ.get("CI") == "true":
        pytest.fail(HOW)
    pytest.skip(HOW)


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Not for longer than a module: Playwright's event loop runs in this thread, and `asyncio.run` refuses a second."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def lab(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`runbook lab` on copies of the notebooks, with the practice hub and without this machine's configuration."""
    folder = tmp_path_factory.mktemp("lab")
    for name, settings in LAB_SETTINGS.items():
        path = folder / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "runbook_lib", "lab", "--workspace", str(folder / "workspace")]
    with (folder / "server.log").open("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, "--no-browser", "--port", "0"],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url, token = address_of_lab(folder / "server.log", server, _START_LIMIT_S)
            yield Lab(url, token, folder / "workspace" / "notebooks")
        finally:
            end_tree(server.pid)
            server.wait()


def _environment(folder: Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "RUNBOOK", "JPY"))
    }
    return inherited | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "RUNBOOK_HUB": "practice",
        "RUNBOOK_CACHE_DIR": str(folder / "hub"),
        "RUNBOOK_ARTIFACTS_DIR": str(folder / "artifacts"),
        "NO_PROXY": "127.0.0.1,localhost",
    }


@pytest.fixture
def notebook(browser: Browser, lab: Lab, request: pytest.FixtureRequest) -> Iterator[NotebookPage]:
    """Give a tab of a fresh profile; a picture of its end is kept, and an error on its console fails the test."""
    with browser.new_context(viewport={"width": 1280, "height": 1600}) as context:
        opened = NotebookPage(context.new_page(), lab)
        yield opened
        opened.shoot(f"end-of-{request.node.name}")
        assert opened.console == []

import subprocess
import sys
from collections.abc import Callable

import pytest

from runbook_lib.interactive.cache_browser import CacheBrowser
from runbook_lib.interactive.check_list import CheckList
from runbook_lib.interactive.diagnose_box import DiagnoseBox
from runbook_lib.interactive.download_panel import DownloadPanel
from runbook_lib.interactive.run_panel import RunPanel
from runbook_lib.interactive.settings_form import SettingsForm
from runbook_lib.interactive.view import View
from runbook_lib.render.html import to_html
from runbook_lib.run.opening import OpenRun
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.measure_disk.collect import collect_disk
from runbook_lib.stages.measure_disk.stage import measure_disk

WIDGET = "application/vnd.jupyter.widget-view+json"
VIEWS: dict[str, Callable[[OpenRun], View]] = {
    "settings": SettingsForm,
    "checks": lambda run: CheckList(run, measure_disk(run)),
    "download": lambda run: DownloadPanel(run, plan_download(run)),
    "cache": lambda run: CacheBrowser(run, collect_disk(run)),
    "run": RunPanel,
    "diagnose": lambda _run: DiagnoseBox(error="OSError: [WinError 1314]"),
}


@pytest.fixture(params=VIEWS)
def view(request: pytest.FixtureRequest, practice_run: OpenRun) -> View:
    return VIEWS[request.param](practice_run)


def test_without_a_front_end_a_view_is_its_plain_report(view: View) -> None:
    bundle = view._repr_mimebundle_()
    assert bundle == {"text/plain": str(view), "text/html": to_html(view.sections())}
    assert len(bundle["text/plain"]) > 20


@pytest.mark.usefixtures("front_end")
def test_with_a_front_end_the_plain_report_stands_beside_the_controls(view: View) -> None:
    bundle = view._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] == view.widget.model_id
    assert bundle["text/plain"] == str(view)


@pytest.mark.usefixtures("front_end")
def test_in_papermill_below_a_notebook_a_view_is_its_plain_report(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_HEADLESS", "1")
    assert WIDGET not in view._repr_mimebundle_()


def test_a_view_that_is_not_drawn_loads_no_ipywidgets() -> None:
    code = (
        "from runbook_lib import CacheBrowser, CheckList, DiagnoseBox, DownloadPanel, RunPanel, SettingsForm\n"
        "DiagnoseBox(error='x')._repr_mimebundle_()\n"
        "import sys; sys.exit('ipywidgets' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Gets Docling / Hugging Face models onto a machine and proves that a document converts there.

The public names below are loaded when first used, so that `import runbook_lib` stays quick and loads neither
docling nor huggingface_hub, papermill or ipywidgets.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook_lib.checks.checklist import checklist as checklist
    from runbook_lib.checks.checklist import checklist_table as checklist_table
    from runbook_lib.course.cache_tree import cache_tree as cache_tree
    from runbook_lib.course.exercises import check_answer as check_answer
    from runbook_lib.course.link_costs import compare_links as compare_links
    from runbook_lib.course.race import play_race as play_race
    from runbook_lib.interactive.cache_browser import CacheBrowser as CacheBrowser
    from runbook_lib.interactive.check_list import CheckList as CheckList
    from runbook_lib.interactive.diagnose_box import DiagnoseBox as DiagnoseBox
    from runbook_lib.interactive.download_panel import DownloadPanel as DownloadPanel
    from runbook_lib.interactive.fleet_panel import FleetPanel as FleetPanel
    from runbook_lib.interactive.run_browser import RunBrowser as RunBrowser
    from runbook_lib.interactive.run_panel import RunPanel as RunPanel
    from runbook_lib.interactive.settings_form import SettingsForm as SettingsForm
    from runbook_lib.quirks.diagnosis import diagnose_given as diagnose_given
    from runbook_lib.render.rendered import show as show
    from runbook_lib.run.opening import open_run as open_run
    from runbook_lib.service import DoclingModelManager as DoclingModelManager
    from runbook_lib.stages.configure_env import configure_env as configure_env
    from runbook_lib.stages.configure_env import plan_environment as plan_environment
    from runbook_lib.stages.convert.spreads import page_spreads as page_spreads
    from runbook_lib.stages.convert.stage import convert as convert
    from runbook_lib.stages.detect import detect as detect
    from runbook_lib.stages.download.plan import plan_download as plan_download
    from runbook_lib.stages.download.stage import download as download
    from runbook_lib.stages.measure_disk.stage import measure_disk as measure_disk
    from runbook_lib.stages.verify.stage import verify as verify

__version__ = "0.1.0"

_HOMES = {
    "CacheBrowser": "runbook_lib.interactive.cache_browser",
    "CheckList": "runbook_lib.interactive.check_list",
    "DiagnoseBox": "runbook_lib.interactive.diagnose_box",
    "DoclingModelManager": "runbook_lib.service",
    "DownloadPanel": "runbook_lib.interactive.download_panel",
    "FleetPanel": "runbook_lib.interactive.fleet_panel",
    "RunBrowser": "runbook_lib.interactive.run_browser",
    "RunPanel": "runbook_lib.interactive.run_panel",
    "SettingsForm": "runbook_lib.interactive.settings_form",
    "checklist": "runbook_lib.checks.checklist",
    "checklist_table": "runbook_lib.checks.checklist",
    "cache_tree": "runbook_lib.course.cache_tree",
    "check_answer": "runbook_lib.course.exercises",
    "compare_links": "runbook_lib.course.link_costs",
    "configure_env": "runbook_lib.stages.configure_env",
    "convert": "runbook_lib.stages.convert.stage",
    "detect": "runbook_lib.stages.detect",
    "diagnose_given": "runbook_lib.quirks.diagnosis",
    "download": "runbook_lib.stages.download.stage",
    "measure_disk": "runbook_lib.stages.measure_disk.stage",
    "open_run": "runbook_lib.run.opening",
    "page_spreads": "runbook_lib.stages.convert.spreads",
    "plan_download": "runbook_lib.stages.download.plan",
    "plan_environment": "runbook_lib.stages.configure_env",
    "play_race": "runbook_lib.course.race",
    "show": "runbook_lib.render.rendered",
    "verify": "runbook_lib.stages.verify.stage",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

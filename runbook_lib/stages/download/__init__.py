"""Stage 3, download: a plan first, then the files under a wall-clock limit, then docling's artifacts folder."""

import threading
import time

from runbook_lib.records import StageRecord
from runbook_lib.runs import OpenRun
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.download.apply import apply_download
from runbook_lib.stages.download.checks import judge_download
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan, FetchedModel, PlannedModel
from runbook_lib.stages.download.plan import plan_download
from runbook_lib.stages.started import StartedStage

__all__ = [
    "DownloadFacts",
    "DownloadPlan",
    "FetchedModel",
    "PlannedModel",
    "apply_download",
    "download",
    "judge_download",
    "plan_download",
]


def download(
    run: OpenRun, plan: DownloadPlan | None = None, *, cancel: threading.Event | None = None
) -> StageRecord[DownloadFacts]:
    """Carry out the plan, made here when none is given: fetch what is missing, then place docling's artifacts.

    Ends after `download_limit_s`. What was fetched whole stays in the cache, so that running it again fetches only the
    rest. A model that cannot be had is a failed check; planning that cannot reach the Hub raises `HubError`.
    """
    stage = StartedStage(run, "download")
    deadline = time.monotonic() + run.settings.download_limit_s
    environment = plan_environment(run)
    plan = plan or plan_download(run, environment)
    facts, changes = apply_download(run, plan, environment, deadline, cancel)
    return stage.finish(facts, judge_download(facts), changes=changes)

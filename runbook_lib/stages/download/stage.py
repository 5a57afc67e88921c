"""Stage 3, download: a plan first, then the files under a wall-clock limit, then docling's artifacts folder."""

import threading
import time
from contextlib import nullcontext, suppress

from runbook_lib.pipeline.answer import AnsweredBy
from runbook_lib.run.interpreter import wanted_for
from runbook_lib.run.opening import OpenRun
from runbook_lib.run.record import StageRecord
from runbook_lib.run.started_stage import StartedStage
from runbook_lib.run.wanted_models import remember_wanted
from runbook_lib.stages.configure_env import plan_environment
from runbook_lib.stages.detect import DetectFacts
from runbook_lib.stages.download.apply import apply_download
from runbook_lib.stages.download.checks import judge_download
from runbook_lib.stages.download.facts import DownloadFacts, DownloadPlan
from runbook_lib.stages.download.hub_access import HubAccess, hub_access
from runbook_lib.stages.download.plan import plan_wanted, wanted_by


def download(
    run: OpenRun,
    plan: DownloadPlan | None = None,
    *,
    cancel: threading.Event | None = None,
    hub: HubAccess | None = None,
) -> StageRecord[DownloadFacts]:
    """Carry out the plan, made here when none is given: fetch what is missing, then place docling's artifacts.

    Ends after `download_limit_s`. What was fetched whole stays in the cache, so that running it again fetches only the
    rest. A model that cannot be had is a failed check; planning that cannot reach the Hub raises `HubError`.
    With `hub`, an access that is open already, the client is not imported once more.
    """
    stage = StartedStage(run, "download")
    deadline = time.monotonic() + run.settings.download_limit_s
    with nullcontext(hub) if hub else hub_access(run, plan_environment(run)) as access:
        plan = plan or plan_wanted(access, wanted_by(run))
        facts, changes = apply_download(access, plan, deadline, cancel)
    _keep_answer(run)
    return stage.finish(facts, judge_download(facts), changes=changes)


def _keep_answer(run: OpenRun) -> None:
    """Keep what docling said it takes beside the models, so that the next run need not ask.

    Not what was known without docling: stage convert has it asked, and keeps what it says.
    """
    if run.has("detect") and run.settings.model_refs() is None:
        found = run.read("detect", DetectFacts).facts
        if found.answered_by is AnsweredBy.KNOWN:
            return
        kept_for = wanted_for(run, found.interpreter.packages, found.interpreter.prefix)
        with suppress(OSError):  # a folder that came ready-made and read-only
            remember_wanted(run.artifacts_dir, kept_for, found.wanted)

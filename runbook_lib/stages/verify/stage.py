"""The stage itself: collect, judge, record."""

from runbook_lib.records import StageRecord
from runbook_lib.runs import OpenRun
from runbook_lib.stages.started import StartedStage
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import VerifyFacts
from runbook_lib.stages.verify.sources import Locked


def verify(run: OpenRun, locked: Locked | None = None) -> StageRecord[VerifyFacts]:
    """Read and hash everything the models consist of; changes nothing and touches no network.

    Args:
        run: Whose models, cache and artifacts folder are looked at.
        locked: What a lock file says (`read_lock(path).expectations()`); stands above what the cache says.
    """
    stage = StartedStage(run, "verify")
    facts = collect_verification(run, locked)
    return stage.finish(facts, judge_verification(facts))

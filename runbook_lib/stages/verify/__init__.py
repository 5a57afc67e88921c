"""Stage 4, verify: every file of every snapshot and of the artifacts folder against its hash; offline, on all cores."""

from runbook_lib.records import StageRecord
from runbook_lib.runs import OpenRun
from runbook_lib.stages.started import StartedStage
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.facts import FileProblem, ProblemKind, VerifiedFolder, VerifyFacts

__all__ = [
    "FileProblem",
    "ProblemKind",
    "VerifiedFolder",
    "VerifyFacts",
    "collect_verification",
    "judge_verification",
    "verify",
]


def verify(run: OpenRun) -> StageRecord[VerifyFacts]:
    """Read and hash everything the models consist of; changes nothing and touches no network."""
    stage = StartedStage(run, "verify")
    facts = collect_verification(run)
    return stage.finish(facts, judge_verification(facts))

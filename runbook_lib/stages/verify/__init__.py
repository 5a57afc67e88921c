"""Stage 4, verify: every file of every snapshot and of the artifacts folder against its hash; offline, on all cores."""

from runbook_lib.records import StageRecord
from runbook_lib.runs import OpenRun
from runbook_lib.stages.started import StartedStage
from runbook_lib.stages.verify.checks import judge_verification
from runbook_lib.stages.verify.collect import collect_verification
from runbook_lib.stages.verify.compare import inspect_folder, verify_file, verify_folder
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.facts import VerifiedFolder, VerifyFacts
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Weight
from runbook_lib.stages.verify.sources import Locked

__all__ = [
    "Expectation",
    "ExpectedFile",
    "FileProblem",
    "Locked",
    "ProblemKind",
    "VerifiedFolder",
    "VerifyFacts",
    "Weight",
    "collect_verification",
    "inspect_folder",
    "judge_verification",
    "verify",
    "verify_file",
    "verify_folder",
]


def verify(run: OpenRun, locked: Locked | None = None) -> StageRecord[VerifyFacts]:
    """Read and hash everything the models consist of; changes nothing and touches no network.

    Args:
        run: Whose models, cache and artifacts folder are looked at.
        locked: What a lock file says (`read_lock(path).expectations()`); stands above what the cache says.
    """
    stage = StartedStage(run, "verify")
    facts = collect_verification(run, locked)
    return stage.finish(facts, judge_verification(facts))

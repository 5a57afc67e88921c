"""Stage 4, verify: every file of every snapshot and of the artifacts folder against its hash; offline, on all cores.

The names below are loaded when first used: `verify_folder` alone needs half of what the stage loads.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook_lib.stages.verify.checks import judge_verification as judge_verification
    from runbook_lib.stages.verify.collect import collect_verification as collect_verification
    from runbook_lib.stages.verify.compare import inspect_folder as inspect_folder
    from runbook_lib.stages.verify.compare import verify_file as verify_file
    from runbook_lib.stages.verify.compare import verify_folder as verify_folder
    from runbook_lib.stages.verify.expected import Expectation as Expectation
    from runbook_lib.stages.verify.expected import ExpectedFile as ExpectedFile
    from runbook_lib.stages.verify.facts import VerifiedFolder as VerifiedFolder
    from runbook_lib.stages.verify.facts import VerifyFacts as VerifyFacts
    from runbook_lib.stages.verify.problems import FileProblem as FileProblem
    from runbook_lib.stages.verify.problems import ProblemKind as ProblemKind
    from runbook_lib.stages.verify.problems import Weight as Weight
    from runbook_lib.stages.verify.sources import Locked as Locked
    from runbook_lib.stages.verify.stage import verify as verify

_HOMES = {
    "Expectation": "expected",
    "ExpectedFile": "expected",
    "FileProblem": "problems",
    "Locked": "sources",
    "ProblemKind": "problems",
    "VerifiedFolder": "facts",
    "VerifyFacts": "facts",
    "Weight": "problems",
    "collect_verification": "collect",
    "inspect_folder": "compare",
    "judge_verification": "checks",
    "verify": "stage",
    "verify_file": "compare",
    "verify_folder": "compare",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the keys are strings


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

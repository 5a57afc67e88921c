"""Whether practice models stand where real ones are meant to."""

from collections.abc import Sequence
from typing import Final

from runbook_lib.cache.practice_models import PracticeModel, practice_models, practice_sign
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.errors import PracticeError
from runbook_lib.run.check import Check, Status
from runbook_lib.run.target import Target

CHECK_ID: Final = "practice-models"
TITLE: Final = "no practice model stands among real ones"
REMEDY: Final = (
    "Move them aside with runbook doctor --fix, then run stage download against the real Hub or a mirror of it."
)


def practice_evidence(found: Sequence[PracticeModel]) -> str:
    """Return how many there are and what shows the first."""
    return (
        f"{len(found)} folders hold practice models, random weights: the first is {found[0].folder} ({found[0].sign})"
    )


def failed_for_practice(target: Target, *, artifacts_only: bool = False) -> tuple[Check, ...]:
    """Return a failed check when the target is real and holds practice models; else nothing."""
    if target.practice:
        return ()
    found = practice_models(None if artifacts_only else target.cache_dir, target.artifacts_dir)
    if not found:
        return ()
    evidence = practice_evidence(found)
    return (
        Check(
            id=CHECK_ID, title=TITLE, status=Status.FAIL, evidence=evidence, remedy=REMEDY, fixed_by=FixedBy.DOCTOR_FIX
        ),
    )


def require_real(target: Target, models: Sequence[ModelRef]) -> None:
    """Raise `PracticeError` when docling would load a practice model and practice is not what was asked for."""
    for model in () if target.practice else models:
        folder = target.artifacts_dir / model.folder_name
        if sign := practice_sign(folder):
            raise PracticeError(
                f"{folder} holds a practice model: random weights.",
                why=f"What shows it: {sign}.",
                remedy=REMEDY,
            )

"""Which action fixes a check: repair, dedupe, and the doctor's allow-list; nothing else is offered a button."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from runbook_lib.checks.doctor import DoctorReport
from runbook_lib.checks.fixes import FIXES, apply_fixes
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.interactive.work_area import Action
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section
from runbook_lib.run.check import Check
from runbook_lib.run.opening import OpenRun
from runbook_lib.upkeep.dedupe.apply import apply_dedupe
from runbook_lib.upkeep.dedupe.plan import plan_dedupe
from runbook_lib.upkeep.repair.apply import apply_repair
from runbook_lib.upkeep.repair.plan import plan_repair

_REPAIRED: Final = frozenset({FixedBy.REPAIR, FixedBy.DOWNLOAD})
"""What stage verify names as fixer; repair fetches what is missing as well."""
_FIXED: Final = frozenset(fix.check_id for fix in FIXES)


def fix_for(run: OpenRun, stage: str, check: Check) -> Action[Any] | None:
    """Return what safely fixes the check; None when nothing has to be fixed, or only a person can."""
    if not check.needs_hand:
        return None
    if check.id == "stored-once":
        return Action("Dedupe", partial(plan_dedupe, run.cache_dir, run.artifacts_dir), apply_dedupe)
    if stage == "verify" and check.fixed_by in _REPAIRED:
        return Action("Repair", partial(plan_repair, run), partial(apply_repair, run))
    if check.id in _FIXED:
        return Action(
            "Fix", partial(_doctor, run, check, dry_run=True), lambda _plan: _doctor(run, check, dry_run=False)
        )
    return None


@dataclass(frozen=True)
class DoctorChanges(Rendered):
    """What the doctor would change, or has changed, about one check."""

    report: DoctorReport

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self.report.changes

    def sections(self) -> Sequence[Section]:
        """Return the doctor's report, or that it has nothing to do."""
        return (Note("Fix", ("Nothing has to be changed.",)),) if self.is_empty else self.report.sections()


def _doctor(run: OpenRun, check: Check, *, dry_run: bool) -> DoctorChanges:
    report = DoctorReport(started_at=datetime.now(UTC), elapsed_s=0.0, checks=(check,))
    return DoctorChanges(apply_fixes(report, run.settings, dry_run=dry_run, runs=run.folder.parent))

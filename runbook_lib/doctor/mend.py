"""Applies fixes to the checks that need one, and keeps a record of what changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runbook_lib.core import atomic
from runbook_lib.doctor.examine import context_of, make_checks
from runbook_lib.doctor.fixes import FIXES, Step
from runbook_lib.doctor.report import DoctorReport
from runbook_lib.errors import RunbookError
from runbook_lib.run.check import Change, Check, Status
from runbook_lib.run.opening import RUNS
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target, resolve_target

RECORD_NAME = "doctor.json"


def mend(report: DoctorReport, settings: Settings, *, dry_run: bool, runs: Path = RUNS) -> DoctorReport:
    """Apply what the allow-list holds for the checks that are not ok, make these checks again, write the record.

    With `dry_run` nothing is touched and nothing written; the report then lists what would change. The record goes to
    `runs/doctor/TIME/doctor.json`, where no stage takes it for a run.
    """
    target = resolve_target(settings)
    folder = runs.absolute() / "doctor" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z"
    needy = {check.id for check in report.checks if check.status in (Status.WARN, Status.FAIL)}
    steps = _planned(target, folder, needy)
    if dry_run:
        changes = tuple(step.change for step in steps.values())
        return report.model_copy(update={"changes": changes, "planned": True})
    changes = tuple(_applied(step) for step in steps.values())
    mended = frozenset(fix.check_id for fix in FIXES if fix.check_id in needy)
    checks = _again(target, report.checks, mended) if changes else report.checks
    done = report.model_copy(update={"checks": checks, "changes": changes})
    if changes:
        atomic.write_text(folder / RECORD_NAME, done.model_dump_json(indent=2) + "\n")
    return done


def _planned(target: Target, folder: Path, needy: set[str]) -> dict[str, Step]:
    """Return the steps by what they do: two fixes may wish for the same."""
    wanted = (fix for fix in FIXES if fix.check_id in needy)
    return {step.what: step for fix in wanted for step in fix.plan(target, folder)}


def _applied(step: Step) -> Change:
    """Do one step; what cannot be done is told in the record and keeps nothing else from being done."""
    try:
        done = step.apply()
    except (RunbookError, OSError) as error:
        return step.change.model_copy(update={"after": f"not done: {error}"})
    if done:
        return step.change
    return step.change.model_copy(update={"after": "left alone: another process is at work there"})


def _again(target: Target, checks: Sequence[Check], mended: frozenset[str]) -> tuple[Check, ...]:
    fresh = {check.id: check for check in make_checks(context_of(target), mended)}
    return tuple(fresh.get(check.id, check) for check in checks)

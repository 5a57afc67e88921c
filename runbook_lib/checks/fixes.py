"""What the doctor may fix itself: an allow-list; each fix plans first, and each step can be done twice.

Nothing is unset for good and no model is deleted; nothing is touched but the cache, the folder of the record and this
Python's own environment.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from runbook_lib.cache.incomplete_files import remove
from runbook_lib.cache.locks import download_lock, hold
from runbook_lib.cache.practice_models import QUARANTINE, names_of, practice_models
from runbook_lib.checks.doctor import DoctorReport, context_for_doctor, make_checks
from runbook_lib.checks.probes.cached import dangling_links
from runbook_lib.checks.probes.jupyter import KERNEL, kernel_argv
from runbook_lib.core import atomic
from runbook_lib.errors import DiskError, LockHeld, RunbookError
from runbook_lib.render.values import format_bytes
from runbook_lib.run.check import Change, Check
from runbook_lib.run.environment_plan import env_files, plan_from_scratch
from runbook_lib.run.interpreter import abandoned_files
from runbook_lib.run.opening import RUNS
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target, entered_target, resolve_target
from runbook_lib.system.filesystem import refusals_told

_INSTALL_LIMIT_S = 120.0


@dataclass(frozen=True)
class Step:
    """One thing a fix would do, and how it is done."""

    what: str
    before: str
    after: str
    apply: Callable[[], bool]
    """Does it; False when something is in the way and nothing was changed."""

    @property
    def change(self) -> Change:
        """The step as an entry of a record."""
        return Change(what=self.what, before=self.before, after=self.after)


@dataclass(frozen=True)
class Fix:
    """What the doctor may do about a check that is not `ok`."""

    check_id: str
    plan: Callable[[Target, Path], tuple[Step, ...]]
    """Takes the target and the folder of the record; looks, changes nothing."""


def _plan_incomplete(target: Target, _folder: Path) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=f"remove {file.path}",
            before=f"incomplete file, {format_bytes(file.size_bytes)}",
            after="removed",
            apply=partial(remove, target.cache_dir, file),
        )
        for file in abandoned_files(target)
    )


def _plan_dangling(target: Target, _folder: Path) -> tuple[Step, ...]:
    return tuple(
        Step(
            what=f"remove {link}",
            before=f"link to {link.readlink()}, which does not exist",
            after="removed; stage download fetches the file",
            apply=_link_removal(target.cache_dir, link),
        )
        for link in dangling_links(target.cache_dir)
    )


def _link_removal(cache_dir: Path, link: Path) -> Callable[[], bool]:
    """Return the removal of a link that still leads nowhere, unless a download holds the cache."""

    def apply() -> bool:
        try:
            with hold(download_lock(cache_dir), "a download into this cache", limit_s=0):
                if link.exists():
                    return False
                link.unlink(missing_ok=True)
        except DiskError:
            return False
        return True

    return apply


def _plan_practice(target: Target, _folder: Path) -> tuple[Step, ...]:
    """Plan to move practice models out of folders of real ones, with what leads to them."""
    if target.practice:
        return ()
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z"
    found = practice_models(target.cache_dir, target.artifacts_dir)
    return tuple(_move_aside(target, path, moment) for model in found for path in names_of(model, target.cache_dir))


def _move_aside(target: Target, path: Path, moment: str) -> Step:
    home = target.cache_dir if path.is_relative_to(target.cache_dir) else target.artifacts_dir
    aside = home / QUARANTINE / moment / path.relative_to(home)

    def move() -> bool:
        try:
            with hold(download_lock(target.cache_dir), "a download into this cache", limit_s=0):
                aside.parent.mkdir(parents=True, exist_ok=True)
                path.rename(aside)
        except LockHeld:
            return False
        return True

    return Step(
        what=f"move {path}",
        before="of a practice model, among real ones",
        after=f"in {aside}",
        apply=move,
    )


def _plan_kernel(_target: Target, _folder: Path) -> tuple[Step, ...]:
    command = [sys.executable, "-m", "ipykernel", "install", "--sys-prefix", "--name", KERNEL]
    argv = kernel_argv()
    before = "no kernel spec" if argv is None else f"starts {argv[0] if argv else 'nothing'}"
    return (Step(f"register kernel {KERNEL} below {sys.prefix}", before, f"starts {sys.executable}", _runs(command)),)


def _runs(command: list[str]) -> Callable[[], bool]:
    def apply() -> bool:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_INSTALL_LIMIT_S
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise RunbookError("The kernel could not be registered.", why=said[-1] if said else "no reason was given")
        return True

    return apply


def _plan_env_files(target: Target, folder: Path) -> tuple[Step, ...]:
    plan = plan_from_scratch(target)
    after = f"{len(plan.lasting())} variables, to be read before the service starts"
    return tuple(
        Step(f"write {folder / name}", "", after, _writing(folder / name, text))
        for name, text in env_files(plan).items()
    )


def _writing(path: Path, text: str) -> Callable[[], bool]:
    def apply() -> bool:
        atomic.write_text(path, text)
        return True

    return apply


FIXES: tuple[Fix, ...] = (
    Fix("practice-models", _plan_practice),
    Fix("incomplete-files", _plan_incomplete),
    Fix("dangling-links", _plan_dangling),
    Fix("kernelspec", _plan_kernel),
    Fix("symlink-race", _plan_env_files),
    Fix("text-encoding", _plan_env_files),
)
"""The allow-list; what is not here is never touched by the doctor."""

RECORD_NAME: Final = "doctor.json"


def apply_fixes(report: DoctorReport, settings: Settings, *, dry_run: bool, runs: Path = RUNS) -> DoctorReport:
    """Apply what the allow-list holds for the checks that are not ok, make these checks again, write the record.

    With `dry_run` nothing is touched and nothing written; the report then lists what would change. The record goes to
    `runs/doctor/TIME/doctor.json`, where no stage takes it for a run.
    """
    folder = runs.absolute() / "doctor" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z"
    needy = {check.id for check in report.checks if check.needs_hand}
    with entered_target(resolve_target(settings)) as target:
        steps = _planned(target, folder, needy)
        if dry_run:
            return _with(report, report.checks, tuple(step.change for step in steps.values()), planned=True)
        changes = tuple(_applied(step) for step in steps.values())
        fixed = frozenset(fix.check_id for fix in FIXES if fix.check_id in needy)
        done = _with(report, _again(target, report.checks, fixed) if changes else report.checks, changes)
    if changes:
        with refusals_told(f"What was changed cannot be recorded in {folder}.", "Work where it can be."):
            atomic.write_text(folder / RECORD_NAME, done.model_dump_json(indent=2) + "\n")
    return done


def _with(
    report: DoctorReport, checks: tuple[Check, ...], changes: tuple[Change, ...], *, planned: bool = False
) -> DoctorReport:
    return DoctorReport(
        practice=report.practice,
        started_at=report.started_at,
        elapsed_s=report.elapsed_s,
        inputs=report.inputs,
        checks=checks,
        changes=changes,
        planned=planned,
    )


def _planned(target: Target, folder: Path, needy: set[str]) -> dict[str, Step]:
    """Return the steps by what they do: two fixes may wish for the same."""
    wanted = (fix for fix in FIXES if fix.check_id in needy)
    return {step.what: step for fix in wanted for step in fix.plan(target, folder)}


def _applied(step: Step) -> Change:
    """Do one step; what cannot be done is told in the record and keeps nothing else from being done."""
    try:
        done = step.apply()
    except (RunbookError, OSError) as error:
        return Change(what=step.what, before=step.before, after=f"not done: {error}")
    after = step.after if done else "left alone: another process is working there"
    return Change(what=step.what, before=step.before, after=after)


def _again(target: Target, checks: Sequence[Check], fixed: frozenset[str]) -> tuple[Check, ...]:
    fresh = {check.id: check for check in make_checks(context_for_doctor(target), fixed)}
    return tuple(fresh.get(check.id, check) for check in checks)

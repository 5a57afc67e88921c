"""The doctor: every check, without notebooks and without importing anything of Hugging Face, docling or torch."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probe import run_probes
from runbook_lib.checks.registry import PROBES, require_known
from runbook_lib.errors import RecordError
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_seconds
from runbook_lib.run.check import Check, Status
from runbook_lib.run.folder import runs_below
from runbook_lib.run.interpreter import InterpreterFacts, packages_of, versions_of, wanted_for
from runbook_lib.run.opening import RUNS
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import Target, entered_target, resolve_target
from runbook_lib.run.wanted_models import remembered_wanted
from runbook_lib.system.packages import SitePackages


class DoctorReport(StageRecord[RawFacts]):
    """Checks without notebooks; the same JSON as the record of a stage, with the changes of `--fix`."""

    stage: Literal["doctor"] = "doctor"
    facts: RawFacts = RawFacts()
    planned: bool = False
    """Whether the changes are a plan only: nothing was touched."""

    @property
    def exit_code(self) -> int:
        """1 when a check failed; a warning is no failure."""
        return 1 if self.status is Status.FAIL else 0

    def sections(self) -> Sequence[Section]:
        """Return the verdict, what needs a hand, the changes, and every check in one line."""
        lines = tuple((check.status.value, check.id, check.evidence) for check in self.checks)
        return (*self._needy(), Table("Checks", ("status", "check", "evidence"), lines, empty="no check was made"))

    def brief(self) -> Sequence[Section]:
        """Return the same without the list of checks: those that need a hand are told already."""
        return (*self._needy(), *self.rest_told())

    def _needy(self) -> list[Section]:
        counts = f"{self.counts() or 'no checks'}; took {format_seconds(self.elapsed_s)}"
        shown: list[Section] = [Note(f"{self.practice_first}Doctor: {self.status}", (counts,))]
        shown += [
            Note(f"{check.status}: {check.title} ({check.id})", check.advice())
            for check in self.checks
            if check.needs_hand
        ]
        if self.changes:
            title = "Would be changed by --fix" if self.planned else "Changed on this machine"
            rows = tuple((change.what, change.before, change.after) for change in self.changes)
            shown.append(Table(title, ("what", "before", "after"), rows))
        elif self.planned:
            shown.append(Note("Would be changed by --fix", ("Nothing: no check that is not ok has a safe remedy.",)))
        return shown


def examine(settings: Settings, only: Iterable[str] = ()) -> DoctorReport:
    """Make the checks that take no import of docling; with `only` just these.

    Changes nothing. Raises `UsageError` for an unknown id, `RunbookError` when `target_python` cannot be started.
    """
    wanted = require_known(only)
    started_at, clock = datetime.now(UTC), time.perf_counter()
    with entered_target(resolve_target(settings)) as target:
        checks = make_checks(context_for_doctor(target), wanted)
    return DoctorReport(
        practice=target.practice,
        started_at=started_at,
        elapsed_s=round(time.perf_counter() - clock, 3),
        inputs=settings.model_dump(mode="json", exclude_defaults=True),
        checks=checks,
    )


def make_checks(context: ProbeContext, only: frozenset[str] = frozenset()) -> tuple[Check, ...]:
    """Make every check whose quirk exists on this system, or those named; the doctor's and stage detect's alike."""
    probes = (probe for probe in PROBES if (probe.id in only if only else probe.applies_to(context.system)))
    return run_probes(context, tuple(probes))


def context_for_doctor(target: Target) -> ProbeContext:
    """Say what is examined; the models are those asked for by name, or those docling named when it was last asked."""
    packages = packages_of(target.settings)
    return context_of(target, packages=packages, wanted=_known_wanted(target, packages, RUNS))


def _known_wanted(target: Target, packages: SitePackages, runs: Path) -> Wanted:
    """Return what is wanted as far as it is known without asking docling."""
    named = target.settings.model_refs()
    if named is not None:
        return Wanted.named(named)
    kept = remembered_wanted(target.artifacts_dir, wanted_for(target, versions_of(packages), str(packages.prefix)))
    return kept or _wanted_by_last_run(target.settings.pipeline, packages, runs) or Wanted()


def context_of(
    target: Target,
    *,
    packages: SitePackages | None = None,
    wanted: Wanted | None = None,
    models_problem: str = "",
    run_folder: Path | None = None,
    interpreter: InterpreterFacts | None = None,
) -> ProbeContext:
    """Say what is examined; without `packages` asks the interpreter under examination for its folders."""
    return ProbeContext(
        settings=target.settings,
        endpoint=target.endpoint,
        cache_dir=target.cache_dir,
        artifacts_dir=target.artifacts_dir,
        packages=packages or packages_of(target.settings),
        models=wanted.models if wanted else (),
        wanted=wanted or Wanted(),
        practice=target.practice,
        models_problem=models_problem,
        run_folder=run_folder,
        interpreter=interpreter,
    )


class _Detected(RawFacts):
    """Of what stage detect saw, what the doctor takes over."""

    interpreter: InterpreterFacts
    wanted: Wanted


def _wanted_by_last_run(pipeline: str, packages: SitePackages, runs: Path) -> Wanted | None:
    """Return what stage detect had for the same interpreter, versions and pipeline; None without such a run."""
    asked = (packages.executable, versions_of(packages), pipeline)
    for run in runs_below(runs):
        try:
            record = run.read("detect", _Detected)
        except RecordError:
            continue
        found = record.facts.interpreter
        if (found.executable, found.packages, record.inputs.get("pipeline", "")) == asked:
            return record.facts.wanted
    return None

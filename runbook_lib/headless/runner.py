"""Runs stages one after the other, each through its notebook, and keeps the run's header true."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runbook_lib.errors import DiskError, RunbookError
from runbook_lib.headless.died import settle_died
from runbook_lib.headless.docling_ahead import docling_ahead
from runbook_lib.headless.events import heard, run_began, run_ended
from runbook_lib.headless.heartbeat import beating
from runbook_lib.headless.interruption import Interruption
from runbook_lib.headless.junit import JUNIT_NAME, junit_xml
from runbook_lib.headless.notebook import NotebookInterrupted, execute_notebook
from runbook_lib.headless.report import write_report
from runbook_lib.headless.run_kernel import RunKernel, run_kernel
from runbook_lib.headless.scratch import scratch_folder
from runbook_lib.headless.spare_room import spare_room
from runbook_lib.headless.summary import RunSummary, StageOutcome, outcome_of, summarise
from runbook_lib.headless.twin import TWIN_NAME, plain_text
from runbook_lib.history.copies import copy_runs
from runbook_lib.history.index import remember
from runbook_lib.history.prune import prune_runs
from runbook_lib.notebooks import find_notebook
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, RunState, stage_file_stem
from runbook_lib.run.record import RawFacts
from runbook_lib.run.run_lock import hold_run
from runbook_lib.run.settings import Settings
from runbook_lib.system.progress import HEADLESS_VARIABLE, PROGRESS_VARIABLE

_log = logging.getLogger(__name__)

_PROGRESS_NAME = "progress.json"
_DOCLING_NAME = "docling"
_GRACE_S = 300.0
"""What a cell may take on top of the limits its own steps have: importing docling, hashing weights."""


@dataclass(frozen=True)
class StageStarted:
    """Told before a stage's kernel starts."""

    stage: str
    progress_file: Path
    """Where the stage says how far it is, while there is something to say."""


Listener = Callable[[StageStarted | StageOutcome], None]


def run_stages(
    run: Run,
    settings: Settings,
    stages: Sequence[str],
    listener: Listener,
    interruption: Interruption | None = None,
) -> RunSummary:
    """Execute the stages' notebooks in the run folder, write the report, and return the summary.

    A failed stage skips the ones after it. The outcome of a stage is what its record says; a notebook that ended
    without writing one has failed, whatever papermill's metadata says. A noted signal ends the stage and the run; the
    summary says so. Raises `RunBusy` when another process works in the run folder.
    """
    interruption = interruption or Interruption()
    with hold_run(run.folder), _pruned(run, settings):
        settle_died(run.folder.parent)
        with _remembered(run), beating(run):
            run_began(run, tuple(stages))
            summary = _run_held(run, settings, stages, heard(run, listener), interruption)
            run_ended(run, summary)
        return _copied(run, settings, summary, interruption)


def _run_held(
    run: Run, settings: Settings, stages: Sequence[str], listener: Listener, interruption: Interruption
) -> RunSummary:
    asked = settings.model_dump(mode="json")  # the kernels take them from the header: not all bind the whole run
    run.update(state=RunState.RUNNING, stages=tuple(stages), problem="", settings=asked)
    interruption.when_noticed = lambda: run.update(state=RunState.INTERRUPTED, problem=_words(interruption))
    outcomes: list[StageOutcome] = []
    with (
        _interruption_noted(run),
        scratch_folder() as scratch,
        _headless(scratch / _PROGRESS_NAME),
        docling_ahead(run, settings, stages, scratch / _DOCLING_NAME),
        run_kernel(scratch) as kernel,
        spare_room(run.folder),
    ):
        for stage in stages:
            failed = _failed(outcomes)
            if failed is not None:
                why = "the run was interrupted" if failed.interrupted else f"{failed.stage} failed"
                outcome = StageOutcome(stage, Status.SKIP, 0.0, f"skipped: {why}")
            elif interruption.is_noted:
                outcome = _interrupted(stage, 0.0, interruption)
            else:
                _log.info("stage %s begins", stage)
                listener(StageStarted(stage, scratch / _PROGRESS_NAME))
                outcome = _run_stage(run, settings, stage, kernel, interruption)
            _log.info("stage %s: %s, %s", stage, outcome.status, outcome.problem or outcome.said)
            outcomes.append(outcome)
            if failed is None or not failed.interrupted:
                listener(outcome)
    failed = _failed(outcomes)
    state = RunState.INTERRUPTED if failed and failed.interrupted else RunState.FAILED if failed else RunState.FINISHED
    run.update(state=state, problem=failed.problem if failed else "")
    summary = summarise(run, outcomes)
    run.add_artifact(JUNIT_NAME, junit_xml(outcomes, run.records()), "the checks as JUnit XML")
    run.add_artifact(TWIN_NAME, plain_text(summary).encode(), "the summary as plain text")
    write_report(run, summary)
    return summary


def _failed(outcomes: Sequence[StageOutcome]) -> StageOutcome | None:
    return next((outcome for outcome in outcomes if outcome.status is Status.FAIL), None)


def _interrupted(stage: str, elapsed_s: float, interruption: Interruption) -> StageOutcome:
    said = _words(interruption)
    return StageOutcome(stage, Status.FAIL, elapsed_s, said, problem=said, interrupted=interruption.exit_code)


def _words(interruption: Interruption) -> str:
    return f"interrupted by {interruption.name}"


def _run_stage(run: Run, settings: Settings, stage: str, kernel: RunKernel, interruption: Interruption) -> StageOutcome:
    stem = stage_file_stem(stage)
    run.record_path(stage).unlink(missing_ok=True)  # an older record must not pass for the result of this execution
    started = time.monotonic()
    try:
        executed = execute_notebook(
            find_notebook(stem),
            run.folder / f"{stem}.ipynb",
            {"run_dir": str(run.folder.absolute())},
            cell_limit_s=settings.download_limit_s + settings.convert_limit_s + _GRACE_S,
            interruption=interruption,
            kernel_of_run=kernel,
        )
    except NotebookInterrupted:
        return _interrupted(stage, time.monotonic() - started, interruption)
    elapsed_s = time.monotonic() - started
    if not run.has(stage):
        problem = executed.problem or "the notebook ended without a record"
        return StageOutcome(stage, Status.FAIL, elapsed_s, problem.splitlines()[0], problem=problem)
    record = run.read(stage, RawFacts)
    if executed.problem and record.status is not Status.FAIL:
        return StageOutcome(stage, Status.FAIL, elapsed_s, executed.problem, problem=executed.problem)
    return outcome_of(record, elapsed_s)


@contextmanager
def _remembered(run: Run) -> Iterator[None]:
    """Take the run into the history, however it ends, when its heart does not beat any more."""
    try:
        yield
    finally:
        remember(run.folder.parent)


@contextmanager
def _pruned(run: Run, settings: Settings) -> Iterator[None]:
    """Let go at the end what the setting `keep` does not keep."""
    try:
        yield
    finally:
        if settings.keep_rules:
            try:
                for pruned in prune_runs(run.folder.parent, settings.keep_rules).gone:
                    _log.info("run folder %s removed: %s", pruned.folder, pruned.reason)
            except RunbookError as error:  # no run fails of those before it
                _log.warning("no run folder was removed: %s", error)


def _copied(run: Run, settings: Settings, summary: RunSummary, interruption: Interruption) -> RunSummary:
    """Copy this run, and those whose copy failed, to where the setting `copy_to` says; the summary says what failed.

    A run that was interrupted is to end soon: the next one copies it.
    """
    if not settings.copy_to or interruption.is_noted:
        return summary
    problem = copy_runs(run.folder.parent, settings.copy_to, held=run.folder, is_over=lambda: interruption.is_noted)
    return replace(summary, asides=(problem,)) if problem else summary


@contextmanager
def _interruption_noted(run: Run) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        with suppress(DiskError):  # what ended the run is the better error
            run.update(
                state=RunState.INTERRUPTED if interrupted else RunState.FAILED,
                problem="interrupted" if interrupted else f"{type(error).__name__}: {error}",
            )
        raise


@contextmanager
def _headless(progress_file: Path) -> Iterator[None]:
    """Tell the kernels, which inherit our environment, that nobody is watching, and where to say how far they are."""
    told = {HEADLESS_VARIABLE: "1", PROGRESS_VARIABLE: str(progress_file)}
    before = {name: os.environ.get(name) for name in told}
    os.environ |= told
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

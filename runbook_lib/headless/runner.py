"""A headless run as a whole: who may work in its folder, what its header says, and what is written at its end."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from runbook_lib.errors import RunbookError
from runbook_lib.headless.died import settle_died
from runbook_lib.headless.docling_ahead import docling_ahead
from runbook_lib.headless.events import PROGRESS_NAME, Listener, heard, run_began, run_ended
from runbook_lib.headless.heartbeat import beating
from runbook_lib.headless.interruption import Interruption
from runbook_lib.headless.junit import JUNIT_NAME, junit_xml
from runbook_lib.headless.report import write_report
from runbook_lib.headless.scratch import scratch_folder
from runbook_lib.headless.spare_room import spare_room
from runbook_lib.headless.summary import RunSummary, failed_of, summarise
from runbook_lib.headless.twin import TWIN_NAME, plain_text
from runbook_lib.history.copies import copy_runs
from runbook_lib.history.index import remember
from runbook_lib.history.prune import prune_runs
from runbook_lib.render.charts import load_ahead
from runbook_lib.run.ending import failure_noted
from runbook_lib.run.folder import Run, RunState
from runbook_lib.run.run_lock import hold_run
from runbook_lib.run.settings import Settings
from runbook_lib.system.progress import HEADLESS_VARIABLE, PROGRESS_VARIABLE
from runbook_lib.system.variables import inherited

_log = logging.getLogger(__name__)

_DOCLING_NAME = "docling"


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
    interruption.when_noticed = lambda: run.update(state=RunState.INTERRUPTED, problem=interruption.words)
    with (
        failure_noted(run),
        scratch_folder() as scratch,
        # the kernels learn so that nobody is watching, and where to say how far they are
        inherited({HEADLESS_VARIABLE: "1", PROGRESS_VARIABLE: str(scratch / PROGRESS_NAME)}),
        docling_ahead(run, settings, stages, scratch / _DOCLING_NAME),
        spare_room(run.folder),
    ):
        from runbook_lib.headless.execution import execute_stages  # papermill takes a second, in which docling starts

        if len(stages) > 1:  # the report of a single one has no chart of times
            load_ahead()
        outcomes = execute_stages(run, settings, stages, scratch, listener, interruption)
    failed = failed_of(outcomes)
    state = RunState.INTERRUPTED if failed and failed.interrupted else RunState.FAILED if failed else RunState.FINISHED
    run.update(state=state, problem=failed.problem if failed else "")
    summary = summarise(run, outcomes)
    run.add_artifact(JUNIT_NAME, junit_xml(outcomes, run.records()), "the checks as JUnit XML")
    run.add_artifact(TWIN_NAME, plain_text(summary).encode(), "the summary as plain text")
    write_report(run, summary)
    return summary


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

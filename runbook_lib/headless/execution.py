"""Executes stages one after the other, each through its notebook, in the kernel of the run."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runbook_lib.headless.events import PROGRESS_NAME, Listener, StageStarted
from runbook_lib.headless.interruption import Interruption
from runbook_lib.headless.notebook import NotebookInterrupted, execute_notebook
from runbook_lib.headless.run_kernel import RunKernel, run_kernel
from runbook_lib.headless.summary import StageOutcome, failed_of, outcome_of
from runbook_lib.notebooks import find_notebook
from runbook_lib.run.check import Status
from runbook_lib.run.folder import Run, stage_file_stem
from runbook_lib.run.record import RawFacts
from runbook_lib.run.settings import Settings

_log = logging.getLogger(__name__)

_GRACE_S: Final = 300.0
"""What a cell may take on top of the limits its own steps have: importing docling, hashing weights."""


def execute_stages(
    run: Run, settings: Settings, stages: Sequence[str], scratch: Path, listener: Listener, interruption: Interruption
) -> list[StageOutcome]:
    """Return how each stage ended: as its record says, or failed where none was written; a failure skips the rest."""
    outcomes: list[StageOutcome] = []
    with run_kernel(scratch) as kernel:
        for stage in stages:
            failed = failed_of(outcomes)
            if failed is not None:
                why = "the run was interrupted" if failed.interrupted else f"{failed.stage} failed"
                outcome = StageOutcome(stage, Status.SKIP, 0.0, f"skipped: {why}")
            elif interruption.is_noted:
                outcome = _interrupted(stage, 0.0, interruption)
            else:
                _log.info("stage %s begins", stage)
                listener(StageStarted(stage, scratch / PROGRESS_NAME))
                outcome = _executed(run, settings, stage, kernel, interruption)
            _log.info("stage %s: %s, %s", stage, outcome.status, outcome.problem or outcome.said)
            outcomes.append(outcome)
            if failed is None or not failed.interrupted:
                listener(outcome)
    return outcomes


def _executed(run: Run, settings: Settings, stage: str, kernel: RunKernel, interruption: Interruption) -> StageOutcome:
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


def _interrupted(stage: str, elapsed_s: float, interruption: Interruption) -> StageOutcome:
    said = interruption.words
    return StageOutcome(stage, Status.FAIL, elapsed_s, said, problem=said, interrupted=interruption.exit_code)

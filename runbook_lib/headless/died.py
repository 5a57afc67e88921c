"""Runs whose process was killed, or whose machine was restarted: the next run writes down what became of them."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from runbook_lib.errors import RunbookError
from runbook_lib.run.folder import Run, RunState, stage_file_stem
from runbook_lib.run.life import Life, life_of
from runbook_lib.run.run_lock import OWNER_NAME

_log = logging.getLogger(__name__)
_RESTARTED: Final = "the machine was restarted while it ran"
_KILLED: Final = "its process ended without a word: killed, or out of memory"


def settle_died(home: Path) -> tuple[Path, ...]:
    """Write into every dead run beside this one that it was interrupted; returns their folders.

    A folder of another version, or one that cannot be written, stays as it is: the history tells it apart by itself.
    """
    settled = []
    for owner in sorted(home.glob(f"*/{OWNER_NAME}")):
        run = Run(owner.parent)
        if life_of(run.folder) is not Life.DIED:
            continue
        try:
            _settle(run)
        except (RunbookError, OSError) as error:
            _log.warning("the dead run in %s could not be settled: %s", run.folder, error)
        else:
            settled.append(run.folder)
    return tuple(settled)


def _settle(run: Run) -> None:
    from runbook_lib.headless.executed import mark_unfinished  # nbformat, which a run without dead ones need not have

    header = run.header()
    words = said_of(header.heartbeat_at, datetime.fromtimestamp(psutil.boot_time(), UTC))
    for stage in header.stages:
        executed = run.folder / f"{stage_file_stem(stage)}.ipynb"
        if executed.is_file() and not run.has(stage):
            mark_unfinished(executed, f"It was interrupted: {words}.")
    run.update(state=RunState.INTERRUPTED, problem=words, heartbeat_at=header.heartbeat_at)
    with suppress(OSError):
        (run.folder / OWNER_NAME).unlink()
    _log.info("run %s: %s", run.folder, words)


def said_of(heartbeat_at: datetime, booted_at: datetime) -> str:
    """Return what became of a run that did not say it itself."""
    cause = _RESTARTED if heartbeat_at < booted_at else _KILLED
    return f"{cause}; its last sign of life was at {heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"

"""Whose turn it is: `--if-running` keeps scheduled runs in one folder of runs from working at the same time."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from socket import gethostname
from typing import Final

from runbook_lib.cache.locks import Say, hold
from runbook_lib.errors import LockHeld, RunBusy
from runbook_lib.history.digest import skipped_entry
from runbook_lib.history.index import remember
from runbook_lib.render.values import format_seconds
from runbook_lib.run.folder import runs_below
from runbook_lib.run.life import is_worked_in
from runbook_lib.run.settings import Settings

_LOCK_NAME: Final = ".turn.lock"
_LOOK_EVERY_S: Final = 1.0
_STAGES_REST_S: Final = 1800.0
"""What a run may take beside its download and its conversion."""


class IfRunning(StrEnum):
    """What a run does when another one is at work in the same folder of runs."""

    SKIP = "skip"
    WAIT = "wait"


class NotOurTurn(RunBusy):
    """Another run is at work, and this one gives way; the history says so."""

    id = "not-our-turn"


@contextmanager
def turn(home: Path, choice: IfRunning, settings: Settings, say: Say) -> Iterator[None]:
    """Hold the turn while the block runs. Raises `NotOurTurn`, with a line in the history, when another run has it.

    One that waits does so as long as a run can take by its settings.
    """
    limit_s = 0.0 if choice is IfRunning.SKIP else settings.download_limit_s + settings.convert_limit_s + _STAGES_REST_S
    with ExitStack() as held:
        busy = _taken_by_another(held, home, limit_s, say)
        if busy is None:
            yield
            return
    waited = f", and did not end within {format_seconds(limit_s)}" if limit_s else ""
    said = f"another run was at work: {busy.name}{waited}"
    remember(home, skipped_entry(datetime.now(UTC), gethostname(), said))
    raise NotOurTurn(f"This run did not begin: {said}.", remedy="See runbook history.")


def _taken_by_another(held: ExitStack, home: Path, limit_s: float, say: Say) -> Path | None:
    """Take the turn until the stack ends; returns the run that has it instead."""
    deadline = time.monotonic() + limit_s
    try:
        held.enter_context(hold(home / _LOCK_NAME, "Another run", limit_s=limit_s, say=say))
    except LockHeld:
        return _busy_run(home) or home
    return _wait_for_others(home, deadline, say)


def _wait_for_others(home: Path, deadline: float, say: Say) -> Path | None:
    """Wait for runs that were started without asking for a turn; returns one that is still at work."""
    said = False
    while (busy := _busy_run(home)) is not None and time.monotonic() < deadline:
        if not said:
            say(f"waiting for the run {busy.name}")
        said = True
        time.sleep(_LOOK_EVERY_S)
    return busy


def _busy_run(home: Path) -> Path | None:
    return next((run.folder for run in runs_below(home) if is_worked_in(run.folder)), None)

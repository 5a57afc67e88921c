"""Lets run folders go that no rule keeps; the history remembers them."""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from runbook_lib.cache.locks import hold
from runbook_lib.core.keep_rules import KeepRules
from runbook_lib.core.value import Value
from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.history.index import History, read_history, record_runs
from runbook_lib.history.retention import Decision, RunFolder, decide
from runbook_lib.render.rendered import Rendered
from runbook_lib.render.sections import Note, Section, Table
from runbook_lib.render.values import format_bytes
from runbook_lib.run.folder import HEADER_NAME
from runbook_lib.run.life import life_of
from runbook_lib.run.run_lock import LOCK_NAME

_GOING: Final = ".going"

_log = logging.getLogger(__name__)


class PrunedRun(Value):
    """What became of a run folder."""

    run: str
    folder: str
    kept: bool
    reason: str
    size_bytes: int = 0
    """What it took; 0 for one that is kept."""
    problem: str = ""
    """Why it is still there though it was to go."""


class Pruned(Rendered, Value):
    """Which run folders stay and which go, each with the reason."""

    rules: str
    dry_run: bool
    runs: tuple[PrunedRun, ...]

    @property
    def gone(self) -> tuple[PrunedRun, ...]:
        """Those that are gone; those that would be, where nothing was done."""
        return tuple(run for run in self.runs if not run.kept and not run.problem)

    @property
    def left(self) -> tuple[PrunedRun, ...]:
        """Those that were to go and are still there."""
        return tuple(run for run in self.runs if run.problem)

    def sections(self) -> Sequence[Section]:
        """Return one row a run folder and what it came to."""
        goes = "would go" if self.dry_run else "gone"
        rows = tuple(
            ("keep" if run.kept else "left" if run.problem else goes, run.run, run.problem or run.reason)
            for run in self.runs
        )
        size = format_bytes(sum(run.size_bytes for run in self.gone))
        said = f"{len(self.gone)} of {len(self.runs)} run folders {goes}, {size}; rules: {self.rules}"
        return (Table("Run folders", ("what", "run", "why"), rows), Note("Kept in mind", (said,)))


def prune_runs(home: Path, rules: KeepRules | None, *, dry_run: bool = False) -> Pruned:
    """Remove the run folders in `home` that no rule keeps, after the history has taken them in.

    Raises `UsageError` without rules, because they would keep nothing, and `DiskError` when the history cannot be
    written: then nothing is removed.
    """
    if rules is None:
        raise UsageError(
            "No rule says which runs to keep; nothing was removed.",
            remedy="Give one: --keep 'runs=30, days=14', or the setting keep in runbook.toml.",
        )
    if not home.is_dir():
        raise UsageError(f"There is no folder of runs {home}.", remedy="Name it: --runs DIR.")
    if not dry_run:
        _sweep(home)
    history = read_history(home) if dry_run else record_runs(home)
    decisions = decide(tuple(run_folders(home, history)), rules, datetime.now(UTC))
    return Pruned(
        rules=str(rules),
        dry_run=dry_run,
        runs=tuple(_carried_out(decision, dry_run=dry_run) for decision in decisions),
    )


def run_folders(home: Path, history: History) -> Iterator[RunFolder]:
    """Yield the run folders that stand in `home` and that the history could read; no other folder is touched."""
    for entry in history.entries:
        folder = home / entry.id
        if (folder / HEADER_NAME).is_file() and not folder.is_symlink():
            yield RunFolder(folder, entry.began_at, life_of(folder), entry.worked, _ended_well(entry))


def _ended_well(entry: HistoryEntry) -> bool:
    return entry.state == "finished" and entry.status != "fail"


def _carried_out(decision: Decision, *, dry_run: bool) -> PrunedRun:
    folder = decision.run.folder
    going = not decision.keep
    size_bytes = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) if going else 0
    problem = _remove(folder) if going and not dry_run else ""
    return PrunedRun(
        run=folder.name,
        folder=str(folder),
        kept=decision.keep,
        reason=decision.reason,
        size_bytes=0 if problem else size_bytes,
        problem=problem,
    )


def _remove(folder: Path) -> str:
    """Remove a run folder; returns why it could not be.

    It is renamed first: a folder that is half removed must not pass for a run.
    """
    try:
        going = _put_aside(folder)
        (going / HEADER_NAME).unlink(missing_ok=True)
        shutil.rmtree(going)
    except (OSError, RunbookError) as error:
        _log.warning("run folder %s could not be removed: %s", folder, error)
        return str(error).partition("\n")[0]
    return ""


def _put_aside(folder: Path) -> Path:
    """Rename the folder while no command works in it; raises `LockHeld` when one began since it was looked at."""
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}{_GOING}")
    with hold(folder / LOCK_NAME, "A run", limit_s=0):
        if os.name != "nt":
            return folder.rename(aside)
    return folder.rename(aside)  # Windows renames no folder in which a file is open: ours, or that of another command


def _sweep(home: Path) -> None:
    """Remove what a pruning that was killed had put aside."""
    for folder in home.glob(f".*{_GOING}"):
        shutil.rmtree(folder, ignore_errors=True)

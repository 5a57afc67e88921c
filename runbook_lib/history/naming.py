"""Which run a person means."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from runbook_lib.errors import RecordError, UsageError
from runbook_lib.history.compare import last_good_before
from runbook_lib.history.digest import digest
from runbook_lib.history.entry import SKIPPED, HistoryEntry
from runbook_lib.history.index import History

LAST: Final = "last"
LAST_GOOD: Final = "last-good"
_AGO: Final = re.compile(r"(\d{1,5}) ?(m|h|d|w)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHOWN: Final = 5


def run_named(history: History, name: str) -> HistoryEntry:
    """Return the run: `last`, `last-good`, the beginning of a name, or a folder. Raises `RecordError`."""
    if name == LAST:
        return newest(history)
    if name == LAST_GOOD:
        return last_good(history, newest(history))
    folder = digest(Path(name)) if Path(name).is_dir() else None
    found = (folder,) if folder else history.named(name)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(entry.id for entry in found[:_SHOWN])
        raise RecordError(f"{name!r} matches {len(found)} runs.", why=f"They are {names}.", remedy=_REMEDY)
    raise RecordError(f"No run {name!r} is known.", why=f"The history is that of {history.home}.", remedy=_REMEDY)


_REMEDY: Final = "See runbook history for the names; --runs DIR names another folder of runs."


def newest(history: History) -> HistoryEntry:
    """Return the newest run; one that gave way to another does not count. Raises `RecordError` without one."""
    began = [entry for entry in history.entries if entry.state != SKIPPED]
    if not began:
        raise RecordError(f"No run is known in {history.home}.", remedy=_REMEDY)
    return began[-1]


def last_good(history: History, before: HistoryEntry) -> HistoryEntry:
    """Return the newest run that worked before another one. Raises `RecordError` without one."""
    good = last_good_before(history.entries, before)
    if good is None:
        raise RecordError(
            f"There is no known run that worked before {before.id}.",
            why="It has to be one on the same machine, practice or not like this one, that converted a document.",
            remedy="Name two runs: runbook diff A B.",
        )
    return good


def moment_named(text: str, now: datetime) -> datetime:
    """Read a point in time: `3d`, `12h`, `2w`, or a date and time, in UTC where it says no zone."""
    ago: Sequence[str] | None = match.groups() if (match := _AGO.fullmatch(text.strip())) else None
    if ago:
        return now - timedelta(**{_UNITS[ago[1]]: int(ago[0])})
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is not a point in time.", remedy="Such as 3d, 12h, 2w or 2026-01-31.") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)

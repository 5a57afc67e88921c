"""The history of a folder of runs: `history.jsonl` beside them, one line a run, only ever added to."""

import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Final

from runbook_lib.cache.locks import hold
from runbook_lib.errors import DiskError, RunbookError
from runbook_lib.history.digest import digest, seen_ns
from runbook_lib.history.entry import LEFT, HistoryEntry, UnreadableLine, read_line
from runbook_lib.run.folder import runs_below

INDEX_NAME: Final = "history.jsonl"
_LOCK_NAME: Final = ".history.lock"
_LOCK_LIMIT_S: Final = 10.0
_MAY_CHANGE: Final = ("running", LEFT, "")
"""States that turn into others without a word in `run.json`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class History:
    """What is known of the runs in a folder: from the index, and from the run folders that it lacks."""

    home: Path
    entries: tuple[HistoryEntry, ...]
    """The oldest first, by the time they began."""
    unwritten: tuple[HistoryEntry, ...] = ()
    """Those that stand in no line yet, or in an older one."""
    unreadable: tuple[UnreadableLine, ...] = ()

    def named(self, name: str) -> tuple[HistoryEntry, ...]:
        """Return the runs whose name begins like this; one alone where the name is whole."""
        whole = tuple(entry for entry in self.entries if entry.id == name)
        return whole or tuple(entry for entry in self.entries if entry.id.startswith(name))


def read_history(home: Path) -> History:
    """Join the index with the run folders; changes nothing.

    The last line of a run counts: a run that is resumed gets another one. A run folder that the index does not know,
    or knows as it was before, is read itself, so that an index that was lost is whole again.
    """
    known: dict[str, HistoryEntry] = {}
    unreadable = []
    for line in _lines(home / INDEX_NAME):
        if isinstance(line, UnreadableLine):
            unreadable.append(line)
        else:
            known[line.id] = line
    fresh = {entry.id: entry for entry in _from_folders(home, known)}
    joined = sorted((known | fresh).values(), key=lambda entry: (entry.began_at, entry.id))
    return History(home, tuple(joined), tuple(fresh.values()), tuple(unreadable))


def record_runs(home: Path) -> History:
    """Write what the index lacks, and return the history; raises `DiskError` when it cannot be written."""
    with hold(home / _LOCK_NAME, "Writing the history", limit_s=_LOCK_LIMIT_S):
        history = read_history(home)
        _append(home / INDEX_NAME, history.unwritten)
    return history


def remember(home: Path, *entries: HistoryEntry) -> None:
    """Record the runs and these further lines; what stands in the way is logged, for no run fails of its history."""
    try:
        record_runs(home)
        if entries:
            with hold(home / _LOCK_NAME, "Writing the history", limit_s=_LOCK_LIMIT_S):
                _append(home / INDEX_NAME, entries)
    except (RunbookError, OSError, ValueError) as error:
        _log.warning("the history in %s could not be written: %s", home, error)


def _from_folders(home: Path, known: dict[str, HistoryEntry]) -> Iterable[HistoryEntry]:
    for run in runs_below(home):
        line = known.get(run.folder.name)
        if line is not None and line.seen_ns == seen_ns(run.folder) and line.state not in _MAY_CHANGE:
            continue
        entry = digest(run.folder)
        if entry is not None and entry != line:
            yield entry


def _lines(path: Path) -> Iterable[HistoryEntry | UnreadableLine]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield read_line(number, line)


def _append(path: Path, entries: Sequence[HistoryEntry]) -> None:
    """Add lines in one write; a line that a crash or a full disk cut short is left behind by itself."""
    if not entries:
        return
    content = "".join(f"{entry.line()}\n" for entry in entries).encode()
    try:
        with path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            line = b"\n" + content if end and _last_byte(path) != b"\n" else content
            try:
                _write_whole(file, line)
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(end)
                raise
    except OSError as error:
        raise DiskError(
            f"The history cannot be written: {path}.", why=str(error), remedy="Free space; the run folders are kept."
        ) from error


def _write_whole(file: RawIOBase, content: bytes) -> None:
    while content:  # a disk that fills up takes a part first, and refuses the rest
        content = content[file.write(content) or 0 :]


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)

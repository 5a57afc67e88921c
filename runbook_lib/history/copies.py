"""Run folders copied elsewhere: to an object store or a share, the header last, and what failed by the next run."""

import logging
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runbook_lib.cache.locks import hold
from runbook_lib.cache.walk import walk
from runbook_lib.core import atomic
from runbook_lib.core.masking import mask_known
from runbook_lib.errors import LockHeld, RunbookError, UsageError
from runbook_lib.history.entry import HistoryEntry
from runbook_lib.history.index import read_history, remember
from runbook_lib.run.folder import HEADER_NAME, RunState
from runbook_lib.run.presence import MARK
from runbook_lib.run.run_lock import LOCK_NAME, OWNER_NAME
from runbook_lib.system.addresses import reached, require_reachable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

COPY_LIMIT_S: Final = 300.0
_EXTRA: Final = "copies"
_PURPOSE: Final = "The setting copy_to"
_ENDED: Final = (RunState.FINISHED, RunState.FAILED, RunState.INTERRUPTED)
_MOST_FAILURES: Final = 2
"""One run that cannot be copied must not keep the others back; a store that is down is not asked for each of them."""
_LOOK_EVERY_S: Final = 0.2

_log = logging.getLogger(__name__)


def require_copies(address: str) -> None:
    """Raise `UsageError` when a package that copying there takes is not installed; connects to nothing."""
    if address:
        require_reachable(address, extra=_EXTRA, purpose=_PURPOSE)


def copy_runs(
    home: Path,
    address: str,
    *,
    held: Path,
    is_over: Callable[[], bool] = lambda: False,
    limit_s: float = COPY_LIMIT_S,
) -> str:
    """Copy every run in `home` that ended and that the history does not know at the address, the newest first.

    Returns what went wrong, in words, and empty when nothing did: what is left waits for the next call. `held` is the
    run whose lock this process has; one that another process works in waits, too. Ends early when `is_over`.
    """
    ended, said = threading.Event(), list[str]()

    def work() -> None:
        try:
            said.append(_copy_pending(home, address, held, ended))
        except Exception as error:  # noqa: BLE001 - every store has errors of its own, and no run fails of a copy
            said.append(_words(error))

    thread = threading.Thread(target=work, daemon=True, name="copies")  # the clients of stores cannot be interrupted
    thread.start()
    deadline = time.monotonic() + limit_s
    while thread.is_alive() and not is_over() and time.monotonic() < deadline:
        thread.join(_LOOK_EVERY_S)
    ended.set()
    problem = said[0] if said else "it was interrupted" if is_over() else f"no end within {limit_s:g} s"
    if not problem:
        return ""
    _log.warning("copying to %s: %s", address, problem)
    return f"Not everything was copied to {address}: {problem.removesuffix('.')}. The next run makes up for it."


def _copy_pending(home: Path, address: str, held: Path, ended: threading.Event) -> str:
    """Copy run by run and note each in the history; returns what the first failure was."""
    filesystem, top = reached(address, extra=_EXTRA, purpose=_PURPOSE)
    if _is_local(filesystem):
        if not Path(top).is_dir():
            raise UsageError(f"There is no folder {top}: none is made, for a share that is not mounted looks like that")
        filesystem.auto_mkdir = True
    failures: list[str] = []
    for entry in _pending(home, address):
        if ended.is_set() or len(failures) == _MOST_FAILURES:
            break
        try:
            with ExitStack() as holding:
                if entry.id != held.name:
                    holding.enter_context(hold(home / entry.id / LOCK_NAME, "A run", limit_s=0))
                if _copy(home / entry.id, filesystem, f"{top.rstrip('/')}/{entry.id}", ended):
                    remember(home, HistoryEntry(**{**dict(entry), "copied_to": (*entry.copied_to, address)}))
                    _log.info("run %s copied to %s", entry.id, address)
        except LockHeld:
            _log.info("run %s is worked in, and not copied now", entry.id)
        except Exception as error:  # noqa: BLE001 - see above
            failures.append(f"{entry.id}: {_words(error)}")
    return failures[0] if failures else ""


def _pending(home: Path, address: str) -> Iterator[HistoryEntry]:
    for entry in reversed(read_history(home).entries):
        folder = home / entry.id
        is_there = (folder / HEADER_NAME).is_file() and not folder.is_symlink()
        if is_there and entry.state in _ENDED and address not in entry.copied_to:
            yield entry


def _copy(folder: Path, filesystem: "AbstractFileSystem", target: str, ended: threading.Event) -> bool:
    """Copy a run folder, so that a header there stands for a whole copy; returns False when told to end before.

    An older header goes first, and what the folder does not hold any more goes, too: a run may have gone on.
    """
    header = f"{target}/{HEADER_NAME}"
    there = set(filesystem.find(target))
    if header in there:
        filesystem.rm_file(header)
    names = tuple(_names(folder))
    for name in names:
        if ended.is_set():
            return False
        filesystem.put_file(str(folder / name), f"{target}/{name}")
    for old in there - {header, *(f"{target}/{name}" for name in names)}:
        filesystem.rm_file(old)
    if ended.is_set():
        return False
    _put_whole(filesystem, header, (folder / HEADER_NAME).read_bytes())
    return True


def _names(folder: Path) -> Iterator[str]:
    """Yield the files of a run but its header, and but for what says who works in it."""
    for name, facts in walk(folder):
        passing = name.startswith((LOCK_NAME, OWNER_NAME, MARK)) or name.endswith(".tmp")
        if stat.S_ISREG(facts.st_mode) and name != HEADER_NAME and not passing:
            yield name


def _put_whole(filesystem: "AbstractFileSystem", path: str, content: bytes) -> None:
    """Write a file that is there whole or not at all: stores do so by themselves."""
    if _is_local(filesystem):
        atomic.write_bytes(Path(path), content)
    else:
        filesystem.pipe_file(path, content)


def _is_local(filesystem: "AbstractFileSystem") -> bool:
    return getattr(filesystem, "local_file", False) is True


def _words(error: Exception) -> str:
    said = error.what if isinstance(error, RunbookError) else f"{type(error).__name__}: {error}"
    return mask_known(said).partition("\n")[0]

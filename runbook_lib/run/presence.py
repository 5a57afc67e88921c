"""Who has a run open without commanding it: each such process leaves a mark in the run folder, locked while it lives.

A notebook has no end that it could write down; its kernel has one, and the lock goes with it, however it ends.
"""

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import gethostname
from typing import Final

from runbook_lib.cache.locks import hold
from runbook_lib.errors import DiskError, LockHeld

MARK: Final = ".run.open-"
"""What the names of marks and of their locks begin with."""
_LOCK: Final = ".lock"
_WHAT: Final = "A notebook"

_stays: dict[Path, ExitStack] = {}


def stay_in(folder: Path) -> None:
    """Mark a run folder until this process ends or opens another run; where that cannot be written, do nothing."""
    folder = folder.absolute()
    if folder in _stays:
        return
    leave()
    mark, stay = folder / f"{_ours()}{uuid.uuid4().hex[:8]}", ExitStack()
    try:
        stay.enter_context(hold(_lock_of(mark), _WHAT, limit_s=0))
        mark.touch()  # now that it is locked: nobody sees it before
    except (DiskError, OSError):
        stay.close()
        with suppress(OSError):
            _lock_of(mark).unlink(missing_ok=True)
        return
    _stays[folder] = stay
    for left in [other for other in _marks(folder) if other.name.startswith(_ours()) and _is_held(other) is False]:
        with suppress(OSError):
            left.unlink()
            _lock_of(left).unlink(missing_ok=True)


def leave() -> None:
    """Let go of the run that this process has open; its mark says that somebody had."""
    while _stays:
        _, stay = _stays.popitem()
        stay.close()


def is_open(folder: Path) -> bool | None:
    """Whether a process has the run open; None where that cannot be told, as when it was on another machine."""
    marks = tuple(_marks(folder))
    held = [_is_held(mark) for mark in marks]
    if True in held:
        return True
    is_ours = all(mark.name.startswith(_ours()) for mark in marks)  # locks need not reach across machines
    return False if marks and is_ours and None not in held else None


def _marks(folder: Path) -> Iterator[Path]:
    return (mark for mark in folder.glob(f"{MARK}*") if _LOCK not in mark.suffixes)


def _ours() -> str:
    """Return what the marks of this machine begin with: its name as far as it can be read, and a hash of all of it."""
    name = gethostname()
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name)[:40]
    return f"{MARK}{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}-"


def _lock_of(mark: Path) -> Path:
    return mark.with_name(mark.name + _LOCK)


def _is_held(mark: Path) -> bool | None:
    lock = _lock_of(mark)
    if not lock.exists():  # Windows removes it when it is let go
        return False
    if not os.access(lock, os.W_OK):
        return None
    try:
        with hold(lock, _WHAT, limit_s=0):
            return False
    except LockHeld:
        return True
    except DiskError:  # no locks here
        return None

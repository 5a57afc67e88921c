"""One folder for all that lives no longer than a run: its processes' temporary files and the keys to its kernels."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_PREFIX: Final = "runbook-run-"
_LOCK_NAME: Final = "held.lock"
_YOUNG_S: Final = 60.0
"""A folder that was just made may not be locked yet."""
_VARIABLES: Final = ("TMPDIR", "TEMP", "TMP")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Provide the folder, only for this user to read; all processes started meanwhile put their temporary files there.

    It is gone after the block, whatever became of those processes. What a run that was killed left is removed by the
    next one: its lock is free.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    temporary = folder / "tmp"
    temporary.mkdir()
    lock = FileLock(folder / _LOCK_NAME)
    before = {name: os.environ.get(name) for name in _VARIABLES}
    with suppress(OSError, NotImplementedError):  # no locks here: it is only that no later run removes it
        lock.acquire(timeout=0)
    os.environ |= dict.fromkeys(_VARIABLES, str(temporary))
    try:
        yield folder
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        lock.release()
        _remove(folder)


def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError, NotImplementedError, Timeout):
            if time.time() - folder.stat().st_mtime < _YOUNG_S or not (folder / _LOCK_NAME).is_file():
                continue
            lock = FileLock(folder / _LOCK_NAME)
            lock.acquire(timeout=0)
            lock.release()
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove it; what a process that is being killed still holds open on Windows stays for the next run."""
    shutil.rmtree(folder, ignore_errors=True)

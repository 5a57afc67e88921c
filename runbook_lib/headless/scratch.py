"""One folder for all that lives no longer than a run: its processes' temporary files and the keys to its kernels."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from runbook_lib.headless.guardian import VARIABLES, end_left_behind, guarded
from runbook_lib.system.variables import inherited

_PREFIX: Final = "runbook-run-"
_LOCK_NAME: Final = "held.lock"
_YOUNG_S: Final = 60.0
"""A folder that was just made may not be locked yet."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Provide the folder, only for this user to read; all processes started meanwhile put their temporary files there.

    It is gone after the block, and so are those processes; when this process is killed, its guardian sees to both. What
    is left even so, because both were killed, the next run ends and removes: its lock is free.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    temporary = folder / "tmp"
    temporary.mkdir()
    lock = FileLock(folder / _LOCK_NAME)
    with suppress(OSError, NotImplementedError):  # no locks here: it is only that no later run removes it
        lock.acquire(timeout=0)
    with guarded(folder):
        try:
            with inherited(dict.fromkeys(VARIABLES, str(temporary))):
                yield folder
        finally:
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
    """End who has it in its environment, and remove it; what Windows holds open even so stays for the next run."""
    end_left_behind(folder)
    shutil.rmtree(folder, ignore_errors=True)

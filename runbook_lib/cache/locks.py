"""Locks between processes, on files as huggingface_hub takes them."""

import errno
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from runbook_lib.errors import DiskError, LockHeld
from runbook_lib.system.filesystem import describe_os_error

_log = logging.getLogger(__name__)

_SAY_EVERY_S = 10.0
_NO_LOCKS_HERE = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})
"""What network file systems answer to flock (quirk Q14)."""
_NOT_OURS_TO_WRITE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

Say = Callable[[str], None]


def download_lock(cache_dir: Path) -> Path:
    """Return the lock that one download, or one change of the whole cache, holds at a time.

    Stands among hub's own locks, where scanning the cache does not take it for a repository.
    """
    return cache_dir / ".locks" / "runbook-download.lock"


def blob_lock(cache_dir: Path, repo_folder: str, etag: str) -> Path:
    """Return the lock hub holds while it downloads a blob (`hf_hub_download`, 0.17 to 2.x)."""
    return cache_dir / ".locks" / repo_folder / f"{etag}.lock"


@contextmanager
def hold(path: Path, what: str, *, limit_s: float, say: Say = lambda _line: None) -> Iterator[None]:
    """Hold a lock while the block runs; `say` is told about waiting, at once and every ten seconds.

    A folder that cannot be written needs no lock: nothing can change there. Raises `DiskError` when the lock is still
    held by another process at the limit.
    """
    lock = _acquired(path, what, limit_s, say)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquired(path: Path, what: str, limit_s: float, say: Say) -> BaseFileLock | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _wait(FileLock(path, mode=0o664), what, limit_s, say)
    except NotImplementedError:  # filelock 3: no flock on this file system
        return _wait(_soft(path), what, limit_s, say)
    except OSError as error:
        if error.errno in _NO_LOCKS_HERE:
            return _wait(_soft(path), what, limit_s, say)
        if error.errno in _NOT_OURS_TO_WRITE:
            return None
        raise DiskError(
            f"The lock {path} cannot be taken.",
            why=describe_os_error(error),
            remedy="Use a folder on a local volume: -p cache_dir PATH for the cache, --run-dir DIR for the run.",
        ) from error


def _soft(path: Path) -> SoftFileLock:
    """Return a lock that is held by being there; under its own name, as the attempt to lock `path` has made that."""
    return SoftFileLock(path.with_name(f"{path.name}.soft"))


def _require_locks(path: Path) -> None:
    """Raise `DiskError` where a file that was just made counts as held by somebody else.

    Some network file systems answer EACCES to every flock, which filelock 4 and huggingface_hub take for a lock that
    is held: both would wait for nobody, to their limits or for ever.
    """
    descriptor, name = tempfile.mkstemp(prefix=".runbook-lock-", dir=path.parent)
    os.close(descriptor)
    try:
        with FileLock(name, timeout=0):
            return
    except Timeout:
        raise DiskError(
            f"No file in {path.parent} can be locked.",
            why="A file that was just made counts as held by another process: flock answers EACCES there.",
            remedy="Use a folder on a local volume: -p cache_dir PATH for the cache, --run-dir DIR for the run.",
        ) from None
    except (OSError, NotImplementedError):  # it is told where the lock itself is taken
        pass
    finally:
        Path(name).unlink(missing_ok=True)


def _wait(lock: BaseFileLock, what: str, limit_s: float, say: Say) -> BaseFileLock:
    started = time.monotonic()
    patience_s = 0.0
    while True:
        try:
            lock.acquire(timeout=patience_s)
        except Timeout:
            if patience_s == 0:
                _require_locks(Path(lock.lock_file))
            waited_s = time.monotonic() - started
            if waited_s >= limit_s:
                raise LockHeld(
                    f"{what} is going on in another process, and did not end within {limit_s:g} s.",
                    why=f"The lock {lock.lock_file} is held.",
                    remedy="Wait for it to end, or stop it, and run this again: what is complete by then is kept.",
                ) from None
            _log.info("waiting for %s, held by another process", lock.lock_file)
            say(f"waiting for another process: {what}, {waited_s:.0f} s of at most {limit_s:g} s")
            patience_s = min(_SAY_EVERY_S, limit_s - waited_s)
        else:
            return lock

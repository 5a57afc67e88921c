"""Incomplete files, which interrupted downloads leave: found, told by age, and removed, here and nowhere else.

huggingface_hub writes a blob to `<etag>.incomplete` and goes on with it after an interruption; from 1.18 on to
`<etag>.<8 hexadecimal digits>.incomplete`, which it never uses again (quirk incomplete-no-resume). In a folder it
downloads to (`local_dir`) the names are the same behind `<hash of the path>.`, below `.cache/huggingface/download`.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.cache.artifacts import placing_leftovers
from runbook_lib.cache.inventory import Entry, Role, blob_entries, model_folder_entries
from runbook_lib.cache.layout import INCOMPLETE_SUFFIX, CachedRepo, cached_repos
from runbook_lib.cache.locks import blob_lock, download_lock, hold
from runbook_lib.cache.walk import folders_in, names_in
from runbook_lib.errors import DiskError

OLD_AFTER_S: Final = 3600.0
"""Younger ones may belong to a download that is going on under a lock of another machine."""
_OF_ONE_ATTEMPT: Final = re.compile(r".+\.[0-9a-f]{8}\.incomplete")


@dataclass(frozen=True)
class IncompleteFile:
    """What a download has written of a file so far."""

    path: Path
    size_bytes: int
    mtime_s: float
    repo_folder: str
    """`models--org--name`; empty in an artifacts folder."""

    @property
    def etag(self) -> str:
        """The etag of the blob that it would become; of no meaning in an artifacts folder."""
        return self.path.name.removesuffix(INCOMPLETE_SUFFIX).partition(".")[0]

    @property
    def is_resumable(self) -> bool:
        """Whether huggingface_hub before 1.18 goes on with it."""
        return _OF_ONE_ATTEMPT.fullmatch(self.path.name) is None

    def is_old(self, now_s: float) -> bool:
        """Whether no download has touched it for an hour."""
        return now_s - self.mtime_s > OLD_AFTER_S


def in_repository(repo: CachedRepo) -> tuple[IncompleteFile, ...]:
    """Return the incomplete files of a repository in a cache."""
    return _incomplete(blob_entries(repo), repo.folder.name)


def in_model_folder(folder: Path) -> tuple[IncompleteFile, ...]:
    """Return what downloads straight to a folder (`local_dir`), as docling-tools makes them, have left there."""
    return _incomplete(model_folder_entries(folder), "")


def _incomplete(entries: Iterator[Entry], repo_folder: str) -> tuple[IncompleteFile, ...]:
    return tuple(
        IncompleteFile(entry.path, entry.st.st_size, entry.st.st_mtime, repo_folder)
        for entry in entries
        if entry.role is Role.INCOMPLETE and entry.is_file
    )


def killed_placings(folder: Path) -> tuple[IncompleteFile, ...]:
    """Return the files that a placing of artifacts left when it was killed, once they are an hour old."""
    found = ((path, path.lstat()) for path in placing_leftovers(folder))
    files = (IncompleteFile(path, st.st_size, st.st_mtime, "") for path, st in found)
    return tuple(file for file in files if file.is_old(time.time()))


def abandoned(cache_dir: Path, artifacts_dir: Path | None = None) -> tuple[IncompleteFile, ...]:
    """Return those in a cache and an artifacts folder that no download has touched for an hour.

    huggingface_hub before 1.18 still goes on with the resumable ones: see `run.interpreter.abandoned_files`.
    """
    found = [file for repo in cached_repos(cache_dir) for file in in_repository(repo)]
    for folder in folders_in(artifacts_dir) if artifacts_dir else ():
        found += in_model_folder(folder)
    now_s = time.time()
    return tuple(file for file in found if file.is_old(now_s))


def remove(cache_dir: Path, file: IncompleteFile) -> bool:
    """Remove an incomplete file; False when a download holds the cache or this file, so that it stays.

    Raises `OSError` when the system refuses: it is not ours, or is open in a program (Windows).
    """
    try:
        with hold(download_lock(cache_dir), "a download into this cache", limit_s=0):
            return _remove_alone(cache_dir, file)
    except DiskError:
        return False


def _remove_alone(cache_dir: Path, file: IncompleteFile) -> bool:
    """Remove it under the locks of huggingface_hub; the caller holds our own."""
    with ExitStack() as held:
        try:
            for lock in _locks_over(cache_dir, file):
                held.enter_context(hold(lock, "the download of this file", limit_s=0))
        except DiskError:
            return False
        file.path.unlink(missing_ok=True)
    return True


def _locks_over(cache_dir: Path, file: IncompleteFile) -> Iterator[Path]:
    """Yield the locks under which huggingface_hub may be writing it.

    In a folder it downloads to, a lock is named after the file and not after the etag, so that all that stand beside
    it count; none stands there without a download.
    """
    if file.repo_folder:
        yield blob_lock(cache_dir, file.repo_folder, file.etag)
        return
    home = file.path.parent
    yield from (home / name for name in names_in(home) if name.endswith(".lock"))


@contextmanager
def new_ones_removed(repo: CachedRepo) -> Iterator[None]:
    """Remove, at the end of the block and however it ends, those that came up in it and are of no more use.

    Those another process is writing stay, and those that an older huggingface_hub goes on with. The caller holds the
    download lock.
    """
    before = {file.path for file in in_repository(repo)}
    try:
        yield
    finally:
        for file in in_repository(repo):
            if file.path not in before and not file.is_resumable:
                with suppress(OSError):
                    _remove_alone(repo.cache_dir, file)

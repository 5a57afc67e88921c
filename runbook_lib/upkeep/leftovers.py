"""Removing what an interrupted download left, where it is known whose it is."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from runbook_lib.adapters.file_lock import blob_lock, hold
from runbook_lib.adapters.hub_cache import CachedRepo
from runbook_lib.errors import DiskError


def leftovers_of(repos: Iterable[CachedRepo]) -> frozenset[Path]:
    """Return the partial files of these repositories."""
    return frozenset(path for repo in repos for path in repo.leftovers())


def remove_leftovers(repos: Iterable[CachedRepo], *, keep: frozenset[Path]) -> tuple[Path, ...]:
    """Remove partial files, but for those to keep and those another process is writing; returns what went.

    huggingface_hub 1.18 and later never uses them again (quirk Q15).
    """
    return tuple(path for repo in repos for path in repo.leftovers() if path not in keep and _removed(repo, path))


def _removed(repo: CachedRepo, path: Path) -> bool:
    lock = blob_lock(repo.cache_dir, repo.folder.name, path.name.partition(".")[0])
    try:
        with ExitStack() as held:
            if lock.exists():
                held.enter_context(hold(lock, "the download of this file", limit_s=0))
            path.unlink()
    except (DiskError, OSError):
        return False
    return True

"""Removing what an interrupted download left, where it is known whose it is."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from runbook_lib.cache.layout import CachedRepo
from runbook_lib.cache.locks import blob_lock, hold
from runbook_lib.errors import DiskError

# huggingface_hub 1.18 and later gives each attempt a file of its own and never uses it again (quirk Q15); the plain
# `etag.incomplete` of older versions is what their next attempt goes on with.
_OF_ONE_ATTEMPT: Final = re.compile(r"(?P<etag>[^.]+)\.[0-9a-f]{8}\.incomplete")


@contextmanager
def leftovers_removed(repo: CachedRepo) -> Iterator[None]:
    """Remove, at the end of the block and however it ends, the partial files that came up in it and are of no more use.

    Those another process is writing stay.
    """
    before = frozenset(repo.leftovers())
    try:
        yield
    finally:
        for path in repo.leftovers():
            if path not in before:
                _remove(repo, path)


def _remove(repo: CachedRepo, path: Path) -> None:
    found = _OF_ONE_ATTEMPT.fullmatch(path.name)
    if found is None:
        return
    lock = blob_lock(repo.cache_dir, repo.folder.name, found["etag"])
    try:
        with ExitStack() as held:
            if lock.exists():
                held.enter_context(hold(lock, "the download of this file", limit_s=0))
            path.unlink()
    except (DiskError, OSError):  # somebody is writing it, or has removed it
        return

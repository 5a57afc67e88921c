"""Contents on their way into a cache: written beside it, compared, and only then given their names."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runbook_lib.bundle.names import refused
from runbook_lib.bundle.read import Bundle, WantedBlob, require_content
from runbook_lib.bundle.sources import Blob
from runbook_lib.bundle.streams import Passed, copy_hashed
from runbook_lib.cache.hard_links import is_own_file
from runbook_lib.cache.hashing import git_sha1_of, sha256_of
from runbook_lib.cache.locks import download_lock
from runbook_lib.cache.sharing import Sharing, share
from runbook_lib.errors import BundleError, DiskError
from runbook_lib.render.values import format_bytes
from runbook_lib.system.filesystem import free_bytes

_FOLDER: Final = "runbook-import"
_MARGIN_BYTES: Final = 16 * 1024**2


@dataclass
class Staging:
    """A folder on the cache's volume, where no client looks, with contents under their SHA-256."""

    folder: Path
    uses: dict[str, int]
    """How many names each content is still to get."""
    links: bool
    """Whether weights may be one file with those of a bundle on the same volume."""

    def path(self, sha256: str) -> Path:
        """Return where a content stands."""
        return self.folder / sha256

    def fetch(self, bundle: Bundle, blob: WantedBlob, passed: Passed) -> None:
        """Take a content out of the bundle; raises `BundleError` when it is not what its hash says."""
        opened = bundle.source.blob(blob.sha256)
        try:
            found = self._taken(opened, blob, passed)
        finally:
            opened.close()
        require_content(bundle.source, blob, found)
        if blob.git_sha1 and git_sha1_of(self.path(blob.sha256)) != blob.git_sha1:
            raise refused(f"{bundle.source.words} contradicts itself.", f"{blob.name}: git's id is of another content")

    def _taken(self, opened: Blob, blob: WantedBlob, passed: Passed) -> tuple[int, str]:
        """Share weights with a bundle on the same volume, copy everything else; returns length and SHA-256."""
        target = self.path(blob.sha256)
        if opened.path is not None and not blob.git_sha1:
            with suppress(OSError):
                links = self.links and is_own_file(opened.path)
                sharing = share(opened.path, target, hard_links=links, copies=False)
                if sharing in (Sharing.CLONED, Sharing.LINKED):
                    found = target.stat().st_size, sha256_of(target)
                    passed(found[0])
                    return found
        with target.open("xb", buffering=0) as file:
            return copy_hashed(opened.stream, file, blob.size_bytes, passed)


@contextmanager
def staged_in(cache_dir: Path, wanted: dict[str, int], needed_bytes: int, *, links: bool) -> Iterator[Staging]:
    """Make the folder, when there is room; it goes at the end, whatever happens. The caller holds the download lock.

    What an import that was killed has left there goes, too.
    """
    folder = download_lock(cache_dir).parent / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    free = free_bytes(cache_dir)
    if needed_bytes and free < needed_bytes + _MARGIN_BYTES:
        raise DiskError(
            f"There is not room for the bundle in {cache_dir}.",
            why=f"It needs {format_bytes(needed_bytes)}, and {format_bytes(free)} are free.",
            remedy="Free space, or name a cache on another volume: --cache DIR.",
        )
    folder.mkdir(parents=True)
    try:
        yield Staging(folder, dict(wanted), links)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def not_here(bundle: Bundle, lacking: list[WantedBlob]) -> BundleError:
    """Return the error for contents that neither the bundle nor this machine has."""
    size = format_bytes(sum(blob.size_bytes for blob in lacking))
    return BundleError(
        f"{bundle.source.words} was made for a machine that has more than this one.",
        why=f"{len(lacking)} contents ({size}) were left out of it and are not here; the first is {lacking[0].name}.",
        remedy="Nothing was written. Export without --since, or with --since the lock file of this machine.",
    )
